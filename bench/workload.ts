/** The one workload that everybody runs: a streaming mock model that asks for one tool call per step, 1 KB results. */
import type { LanguageModelV4, LanguageModelV4Prompt, LanguageModelV4StreamPart } from "@ai-sdk/provider";

export const INSTRUCTIONS = "You are a careful research assistant. Use the lookup tool, then answer in one sentence.";
export const PROMPT = "Look up every item on the list, one at a time, and tell me when you are done.";
export const RESULT_BYTES = 1024;

export const TOOL_SCHEMA = {
  type: "object",
  properties: { item: { type: "number" }, query: { type: "string" } },
  required: ["item", "query"],
  additionalProperties: false,
} as const;

const LINE = 'record "0042": status=active owner=ana.lima updated=2026-11-22T10:15:00Z notes=ok\n';
const template = Buffer.from(LINE.repeat(Math.ceil(RESULT_BYTES / LINE.length)).slice(0, RESULT_BYTES), "latin1");

/** A flat string of its own for every call, so that nothing is shared between results. */
export function lookup(item: number): string {
  template.write(String(item).padStart(8, "0"), 0, "latin1");
  return template.toString("latin1");
}

export interface MockOptions {
  readonly steps: number;
  /** What a model call takes, ms. */
  readonly delayMs?: number;
  /** Held here in the n-th call: to look at runs in flight. */
  readonly gate?: (step: number) => Promise<void> | undefined;
}

/** Stateless: the step is the number of answers in the prompt. Ten stream parts per answer. */
export function mockModel({ steps, delayMs = 0, gate }: MockOptions): LanguageModelV4 {
  return {
    specificationVersion: "v4",
    provider: "mock",
    modelId: "model",
    supportedUrls: {},
    doGenerate: () => Promise.reject(new Error("the benchmark streams")),
    doStream: async ({ prompt }) => {
      const step = answersIn(prompt);
      if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
      await gate?.(step);
      return { stream: streamOf(partsOf(step, steps)) };
    },
  };
}

/** From the end: two messages per step, so this costs nothing that grows. */
function answersIn(prompt: LanguageModelV4Prompt): number {
  const first = prompt.findIndex((message) => message.role === "user");
  return Math.floor((prompt.length - first - 1) / 2);
}

function partsOf(step: number, steps: number): LanguageModelV4StreamPart[] {
  const usage = {
    inputTokens: { total: 1200, noCache: 1200, cacheRead: undefined, cacheWrite: undefined },
    outputTokens: { total: 40, text: 40, reasoning: undefined },
  };
  const last = step >= steps - 1;
  const text = last ? `Done after ${step + 1} model calls.` : `Looking up item ${step}.`;
  const start: LanguageModelV4StreamPart[] = [
    { type: "stream-start", warnings: [] },
    { type: "text-start", id: "t" },
    { type: "text-delta", id: "t", delta: text.slice(0, 8) },
    { type: "text-delta", id: "t", delta: text.slice(8) },
    { type: "text-end", id: "t" },
  ];
  if (last) return [...start, { type: "finish", usage, finishReason: { unified: "stop", raw: "stop" } }];
  const input = JSON.stringify({ item: step, query: `item number ${step}` });
  return [
    ...start,
    { type: "tool-input-start", id: `call_${step}`, toolName: "lookup" },
    { type: "tool-input-delta", id: `call_${step}`, delta: input },
    { type: "tool-input-end", id: `call_${step}` },
    { type: "tool-call", toolCallId: `call_${step}`, toolName: "lookup", input },
    { type: "finish", usage, finishReason: { unified: "tool-calls", raw: "tool_calls" } },
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
