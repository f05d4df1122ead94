import { type Command, InvalidArgumentError } from "commander";
import { checkAgainstSchema } from "../../../adapters/tools/json-schema-validator.ts";
import { ExecutusError } from "../../../kernel/errors.ts";
import { toolOf } from "../../../kernel/effects.ts";
import type { JsonValue } from "../../../ports/json.ts";
import { answer, type Asked, findWait } from "../answer-run.ts";
import { openHost } from "../open.ts";
import { addStoreOption } from "../options.ts";

interface Options {
  readonly db: string;
  readonly edit?: JsonValue;
  readonly note?: string;
  readonly always?: true;
}

const EXAMPLES = `
Examples:
  executus approve run_01J9
  executus approve run_01J9 4.1 --note "only this once"
  executus approve run_01J9 --edit '{"to":"ann@example.com"}'
  executus approve run_01J9 --always

What waits, with the arguments it would run with: executus show RUN`;

export function configure(command: Command): void {
  command
    .description("Lets a call run that waits for approval. The first answer counts; a later one changes nothing.")
    .argument("<run>", "id of the run, or its beginning")
    .argument("[call]", "id of the call, where several wait: 4.1")
    .option("--edit <json>", "run it with these arguments instead; they must fit the tool's schema", parseJson)
    .option("--note <text>", "said to the model")
    .option("--always", "and every further call of this tool in this run")
    .addHelpText("after", EXAMPLES)
    .action(async (run: string, call: string | undefined, options: Options) => {
      const host = openHost({ db: options.db, access: "write" });
      try {
        const asked = await findWait(host, run, { kind: "approval", ...(call === undefined ? {} : { call }) });
        const { edit, note, always } = options;
        if (edit !== undefined) await checkEdit(asked, edit);
        const more = {
          ...(edit === undefined ? {} : { input: edit }),
          ...(note === undefined ? {} : { note }),
          ...(always === true ? { always } : {}),
        };
        const done = `${asked.wait.tool ?? "the call"} approved`;
        process.exitCode = await answer(host, asked.row, { kind: "approve", approval: asked.wait.id, ...more }, done);
      } finally {
        await host.close();
      }
    });
  addStoreOption(command);
}

function parseJson(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    throw new InvalidArgumentError(`It is not JSON: ${error instanceof Error ? error.message : String(error)}.`);
  }
}

/** Whoever drives the run checks them again, with the tool's own code. */
async function checkEdit({ row, state, wait }: Asked, edit: JsonValue): Promise<void> {
  const tool = toolOf(state, wait.tool ?? "");
  if (tool === undefined) return;
  const check = await checkAgainstSchema(tool.inputSchema, edit, tool.name);
  if (check.ok) return;
  const message = `these arguments do not fit ${tool.name}: ${check.problem}`;
  throw new ExecutusError("request_invalid", message, { run: row.run, hint: "The call still waits." });
}
