/** An agent, a model and tools that do again what a recording says. */
import { ExecutusError } from "../../../kernel/errors.ts";
import { NO_LIMIT } from "../../../kernel/limits.ts";
import { UnknownOutcomeError } from "../../../kernel/unknown-outcome.ts";
import type { Blobs } from "../../../ports/blobs.ts";
import type { Compactor } from "../../../ports/compactor.ts";
import type { LimitsInput } from "../../../ports/limits.ts";
import type { AssistantPart, FilePart, TextPart, ToolOutput } from "../../../ports/messages.ts";
import type { ModelAnswer, ModelCall, ModelCallOptions, ModelCandidate, Models, TokenUsage } from "../../../ports/models.ts";
import type { Tool, ToolContext } from "../../../ports/tools.ts";
import type { Agent, Command, RunRequest } from "../../../run/types.ts";
import type { EffectsFile } from "./effects-file.ts";
import { type RecordedResult, type RecordedTurn, type Recording, resultOf } from "./recording.ts";

export interface PlayOptions {
  readonly effects: EffectsFile;
  readonly blobs: Blobs;
  readonly toolDelayMs: number;
  readonly modelDelayMs: number;
  /** Put an entry into the inbox of a run. */
  readonly send: (run: string, command: Command, id: string) => Promise<unknown>;
}

/** Recorded tool calls take any arguments: what counts is what was recorded, not whether it was right. */
const ANYTHING = { type: "object", additionalProperties: true } as const;

export function toAgent(recording: Recording, options: PlayOptions): Agent {
  const declared = new Map(recording.tools.map((tool) => [tool.name, tool]));
  const called = recording.turns.flatMap((turn) => turn.assistant.toolCalls.map((call) => call.name));
  const names = new Set([...declared.keys(), ...called]);
  const tools = [...names].map((name) => toTool(recording, name, declared.get(name)?.description ?? "", options));
  return { name: recording.id, instructions: recording.system ?? "", model: "recorded/model", tools };
}

/** One step more than was recorded: the reserve for a recording that ends in the middle of a step. */
export function limitsOf(recording: Recording): LimitsInput {
  const attempts = Math.max(0, ...recording.turns.map((turn) => turn.modelErrorsBefore?.length ?? 0)) + 1;
  const parallel = Math.max(1, ...recording.turns.map((turn) => turn.assistant.toolCalls.length));
  return {
    maxSteps: recording.turns.length + 1,
    timeMs: NO_LIMIT,
    toolTimeoutMs: NO_LIMIT,
    firstTokenMs: NO_LIMIT,
    idleTokenMs: NO_LIMIT,
    modelCallMs: NO_LIMIT,
    modelAttempts: attempts,
    retryBaseMs: 1,
    parallelCalls: parallel,
    recoveries: NO_LIMIT,
  };
}

/** What was there before the first answer: the request, an earlier summary, a second message. */
export function toRequest(recording: Recording, run: string): RunRequest {
  const first = recording.turns[0];
  const before = [first?.compactionBefore?.summary, first?.user === undefined ? undefined : recording.user].filter(isText);
  const history = before.map((text) => ({ role: "user" as const, content: [{ type: "text" as const, text }] }));
  const input = first?.user ?? recording.user ?? "";
  return {
    id: run,
    input: input === "" && history.length === 0 ? "(the recording has no first message)" : input,
    ...(history.length === 0 ? {} : { history }),
    limits: limitsOf(recording),
    unguarded: true,
  };
}

function isText(text: string | undefined): text is string {
  return text !== undefined && text !== "";
}

// --- the model ---------------------------------------------------------------------------------------------------------

export function recordedModels(find: (run: string) => Recording | undefined, options: PlayOptions): Models {
  const candidate: ModelCandidate = {
    id: "recorded/model",
    call: async (call, callOptions) => {
      const recording = find(call.run);
      if (recording === undefined) throw new ExecutusError("model_failed", `there is no recording for ${call.run}`);
      await pause(options.modelDelayMs, callOptions.signal);
      return answer(recording, call, callOptions, options);
    },
  };
  return { resolve: () => Promise.resolve([candidate]) };
}

async function answer(
  recording: Recording,
  call: ModelCall,
  { onPart }: ModelCallOptions,
  options: PlayOptions,
): Promise<ModelAnswer> {
  const turn = recording.turns[call.step];
  if (turn === undefined) return { content: [], finish: "stop", usage: {} };
  const failure = turn.modelErrorsBefore?.[call.attempt - 1];
  if (failure !== undefined) throw Object.assign(new Error(failure.message ?? "recorded model error"), { retryable: true });
  await announceNext(recording, call, options);
  if (turn.assistant.text !== "") onPart({ type: "text.delta", text: turn.assistant.text });
  const { stopReason } = turn.assistant;
  return {
    content: toContent(turn),
    finish: turn.assistant.toolCalls.length > 0 ? "tool-calls" : "stop",
    ...(stopReason === undefined ? {} : { rawFinish: stopReason }),
    usage: toUsage(turn),
  };
}

function toContent(turn: RecordedTurn): readonly AssistantPart[] {
  const { text, reasoning, toolCalls } = turn.assistant;
  const parts: AssistantPart[] = [];
  if (isText(reasoning)) parts.push({ type: "reasoning", text: reasoning });
  if (text !== "") parts.push({ type: "text", text });
  for (const call of toolCalls)
    parts.push({ type: "tool-call", toolCallId: call.id, toolName: call.name, input: call.input ?? {} });
  return parts;
}

function toUsage(turn: RecordedTurn): TokenUsage {
  const { usage } = turn.assistant;
  if (usage === undefined) return {};
  const { input = 0, cacheRead = 0, cacheWrite = 0, output = 0 } = usage;
  return {
    inputTokens: input + cacheRead + cacheWrite,
    cacheReadTokens: cacheRead,
    cacheWriteTokens: cacheWrite,
    outputTokens: output,
  };
}

/**
 * What was recorded between this answer and the next waits in the run's inbox, bound to that point, before the answer is
 * given: so a process that dies in between finds it there and puts it in the same place. A final answer that was followed by
 * another one, without a message, is continued by an empty steer.
 */
async function announceNext(recording: Recording, call: ModelCall, { send }: PlayOptions): Promise<void> {
  const next = recording.turns[call.step + 1];
  if (next === undefined) return;
  const afterStep = call.step + 1;
  if (next.compactionBefore !== undefined) await send(call.run, { kind: "compact", afterStep }, `compact-${afterStep}`);
  const isFinal = recording.turns[call.step]?.assistant.toolCalls.length === 0;
  if (next.user === undefined && !isFinal) return;
  await send(
    call.run,
    { kind: "steer", content: next.user === undefined || next.user === "" ? [] : next.user, afterStep },
    `user-${afterStep}`,
  );
}

/** A recorded compaction kept nothing but its summary. */
export function recordedCompactor(find: (run: string) => Recording | undefined): Compactor {
  return {
    compact: ({ run, step }) => {
      const summary = find(run)?.turns[step]?.compactionBefore?.summary;
      if (summary === undefined) return Promise.reject(new Error(`no compaction was recorded before turn ${step}`));
      return Promise.resolve({ summary, keep: 0 });
    },
  };
}

// --- the tools ---------------------------------------------------------------------------------------------------------

function toTool(recording: Recording, name: string, description: string, options: PlayOptions): Tool {
  const recorded = (context: ToolContext): RecordedResult | undefined => {
    const [step = "", ordinal = ""] = context.call.split(".");
    const turn = recording.turns[Number(step)];
    return turn === undefined ? undefined : resultOf(turn, Number(ordinal));
  };
  return {
    name,
    description,
    inputSchema: ANYTHING,
    effect: "once",
    onUnknown: "report",
    visibility: "public",
    validate: (value) => ({ ok: true, value }),
    execute: async (_input, context) => {
      const result = recorded(context);
      if (result === undefined) throw new UnknownOutcomeError("the recording has no result for this call");
      await pause(options.toolDelayMs / 2, context.signal);
      options.effects.record(context.run, context.call);
      await pause(options.toolDelayMs / 2, context.signal);
      return result;
    },
    reconcile: (_input, context) => {
      const result = recorded(context);
      if (result === undefined) return Promise.resolve({ outcome: "unknown" });
      const happened = options.effects.has(context.run, context.call);
      return Promise.resolve(happened ? { outcome: "done", result } : { outcome: "not-done" });
    },
    toOutput: (result) => toOutput(result as RecordedResult, options.blobs),
  };
}

export async function toOutput(result: RecordedResult, blobs: Blobs): Promise<ToolOutput> {
  const { output, isError } = result;
  if (typeof output === "string") return { type: isError ? "error-text" : "text", value: output };
  if (isError)
    return { type: "error-text", value: output.map((part) => (part.type === "text" ? part.text : "[image]")).join("\n") };
  const value: (TextPart | FilePart)[] = [];
  for (const part of output) {
    if (part.type === "text") value.push({ type: "text", text: part.text });
    else value.push(await toImage(part, blobs));
  }
  return { type: "content", value };
}

async function toImage(
  image: { readonly mediaType?: string; readonly data?: string | null },
  blobs: Blobs,
): Promise<TextPart | FilePart> {
  const mediaType = image.mediaType ?? "image/png";
  if (typeof image.data !== "string") return { type: "text", text: `[${mediaType}: left out of the recording]` };
  const bytes = Buffer.from(image.data, "base64");
  return { type: "file", mediaType, data: { type: "blob", hash: await blobs.put(bytes), bytes: bytes.length } };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal.addEventListener("abort", stop, { once: true });
  });
}
