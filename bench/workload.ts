/** The one workload that everybody runs: a mock model that asks for one tool call per step, or several, with 1 KB results. */
import type {
  LanguageModelV4,
  LanguageModelV4FinishReason,
  LanguageModelV4GenerateResult,
  LanguageModelV4Prompt,
  LanguageModelV4StreamPart,
  LanguageModelV4Usage,
} from "@ai-sdk/provider";

export const INSTRUCTIONS = "You are a careful research assistant. Use the lookup tool, then answer in one sentence.";
export const PROMPT = "Look up every item on the list, one at a time, and tell me when you are done.";
export const RESULT_BYTES = 1024;

export const TOOL = {
  name: "lookup",
  description: "Look up one item by its number and return the stored record.",
  schema: {
    type: "object",
    properties: { item: { type: "number" }, query: { type: "string" } },
    required: ["item", "query"],
    additionalProperties: false,
  },
} as const;

const LINE = 'record "0042": status=active owner=ana.lima updated=2026-11-22T10:15:00Z notes=ok\n';
const template = Buffer.from(LINE.repeat(Math.ceil(RESULT_BYTES / LINE.length)).slice(0, RESULT_BYTES), "latin1");

/** A flat string of its own for every call, so that nothing is shared between results. Counts, so that a run can be checked. */
export function lookup(item: number): string {
  lookups++;
  template.write(String(item).padStart(8, "0"), 0, "latin1");
  return template.toString("latin1");
}

let lookups = 0;

/** Calls of `lookup` in this process so far. */
export function lookupsSoFar(): number {
  return lookups;
}

export interface ScriptOptions {
  readonly steps: number;
  /** Calls in one answer; 1 unless said otherwise. */
  readonly parallel?: number;
  /** What a model call takes, ms. */
  readonly delayMs?: number;
  /** Held here in the n-th call: to look at runs in flight. */
  readonly gate?: (step: number) => Promise<void> | undefined;
}

export interface Answer {
  readonly text: string;
  readonly calls: readonly {
    readonly id: string;
    readonly name: string;
    readonly input: { readonly item: number; readonly query: string };
  }[];
  readonly last: boolean;
}

export const USAGE = { input: 1200, output: 40 } as const;

/** What the model says in a step: `parallel` calls in each but the last. */
export function answerAt(step: number, { steps, parallel = 1 }: ScriptOptions): Answer {
  if (step >= steps - 1) return { text: finalText(step + 1), calls: [], last: true };
  const calls = Array.from({ length: parallel }, (_, i) => {
    const item = step * parallel + i;
    return { id: `call_${item}`, name: TOOL.name, input: { item, query: `item number ${item}` } };
  });
  return { text: `Looking up item ${step}.`, calls, last: false };
}

export function finalText(steps: number): string {
  return `Done after ${steps} model calls.`;
}

/** A model of one run, for loops that have a model interface of their own. */
export function createScript(options: ScriptOptions): () => Promise<Answer> {
  let step = 0;
  return () => answerIn(step++, options);
}

async function answerIn(step: number, options: ScriptOptions): Promise<Answer> {
  const { delayMs = 0, gate } = options;
  if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
  await gate?.(step);
  return answerAt(step, options);
}

/** Stateless: the step is the number of answers in the prompt. Streams ten parts per answer with one call. */
export function mockModel(options: ScriptOptions): LanguageModelV4 {
  return {
    specificationVersion: "v4",
    provider: "mock",
    modelId: "model",
    supportedUrls: {},
    doGenerate: async ({ prompt }) => contentOf(await answerIn(answersIn(prompt), options)),
    doStream: async ({ prompt }) => ({ stream: streamOf(partsOf(await answerIn(answersIn(prompt), options))) }),
  };
}

/** From the end: two messages per step, so this costs nothing that grows. */
function answersIn(prompt: LanguageModelV4Prompt): number {
  const first = prompt.findIndex((message) => message.role === "user");
  return Math.floor((prompt.length - first - 1) / 2);
}

const usage: LanguageModelV4Usage = {
  inputTokens: { total: USAGE.input, noCache: USAGE.input, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: USAGE.output, text: USAGE.output, reasoning: undefined },
};

function finishReason({ last }: Answer): LanguageModelV4FinishReason {
  return last ? { unified: "stop", raw: "stop" } : { unified: "tool-calls", raw: "tool_calls" };
}

function contentOf(answer: Answer): LanguageModelV4GenerateResult {
  const calls = answer.calls.map(({ id, name, input }) => ({
    type: "tool-call" as const,
    toolCallId: id,
    toolName: name,
    input: JSON.stringify(input),
  }));
  const content = [{ type: "text" as const, text: answer.text }, ...calls];
  return { content, finishReason: finishReason(answer), usage, warnings: [] };
}

function partsOf(answer: Answer): LanguageModelV4StreamPart[] {
  return [
    { type: "stream-start", warnings: [] },
    { type: "text-start", id: "t" },
    { type: "text-delta", id: "t", delta: answer.text.slice(0, 8) },
    { type: "text-delta", id: "t", delta: answer.text.slice(8) },
    { type: "text-end", id: "t" },
    ...answer.calls.flatMap(({ id, name, input }): LanguageModelV4StreamPart[] => {
      const text = JSON.stringify(input);
      return [
        { type: "tool-input-start", id, toolName: name },
        { type: "tool-input-delta", id, delta: text },
        { type: "tool-input-end", id },
        { type: "tool-call", toolCallId: id, toolName: name, input: text },
      ];
    }),
    { type: "finish", usage, finishReason: finishReason(answer) },
  ];
}

function streamOf(parts: readonly LanguageModelV4StreamPart[]): ReadableStream<LanguageModelV4StreamPart> {
  let next = 0;
  return new ReadableStream({
    pull: (controller) => {
      const part = parts[next++];
      if (part === undefined) controller.close();
      else controller.enqueue(part);
    },
  });
}
