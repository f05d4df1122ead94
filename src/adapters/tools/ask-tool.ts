import type { Tool } from "../../ports/tools.ts";
import type { QuestionOptions } from "../../ports/waiting.ts";
import { defineTool } from "./define-tool.ts";

export interface AskToolOptions extends Omit<QuestionOptions, "choices"> {
  /** Default `ask_person`. */
  readonly name?: string;
  /** When the model should ask, for the model. */
  readonly description?: string;
}

/**
 * A tool with which the model asks a person. The run waits for the answer, for days if need be; it is given with
 * `executor.send(run, { kind: "answer", question, answer })`, on the command line with `executus answer`, or in the terminal of
 * `executus run`.
 *
 * @example
 * const agent = defineAgent({ name: "buyer", instructions: "Ask before you spend.", tools: [askTool({ deadlineMs: 86_400_000 })] });
 */
export function askTool(options: AskToolOptions = {}): Tool {
  const { name = "ask_person", description, ...question } = options;
  return defineTool({
    name,
    description:
      description ??
      "Asks the person who is responsible for this task a question and waits for the answer. Ask when you cannot know or must not decide something yourself; ask everything at once.",
    input: {
      type: "object",
      properties: {
        question: { type: "string", minLength: 1, description: "The question, with what one must know to answer it." },
        choices: {
          type: "array",
          items: { type: "string" },
          minItems: 1,
          description: "Possible answers, if there are only a few.",
        },
      },
      required: ["question"],
      additionalProperties: false,
    } as const,
    effect: "read",
    execute: (input, context) =>
      context.ask(input.question, { ...question, ...(input.choices === undefined ? {} : { choices: input.choices }) }),
  });
}
