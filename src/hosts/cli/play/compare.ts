/** A played run against its recording: every message, call, result and compaction, in order. */
import { isDeepStrictEqual } from "node:util";
import { evolve, initialState } from "../../../kernel/evolve.ts";
import { toArray } from "../../../kernel/list.ts";
import type { RunState } from "../../../kernel/state.ts";
import type { Blobs } from "../../../ports/blobs.ts";
import type { RunEvent } from "../../../ports/events.ts";
import type { JsonValue } from "../../../ports/json.ts";
import type { AssistantMessage, Message, ToolMessage, ToolOutput } from "../../../ports/messages.ts";
import { toOutput, toRequest } from "./player.ts";
import { endsInCalls, type RecordedTurn, type Recording, resultOf } from "./recording.ts";

type Item =
  | { readonly kind: "user"; readonly text: string }
  | { readonly kind: "assistant"; readonly text: string; readonly reasoning: string; readonly calls: readonly JsonValue[] }
  | { readonly kind: "results"; readonly results: readonly Result[] }
  | { readonly kind: "compaction"; readonly summary: string };

interface Result {
  readonly name: string;
  readonly output: ToolOutput | "unknown";
}

/** The first difference, in words; undefined when there is none. */
export async function differenceFrom(
  recording: Recording,
  events: readonly RunEvent[],
  blobs: Blobs,
): Promise<string | undefined> {
  const status = events.at(-1)?.type === "run.finished" ? settledStatus(events) : "unfinished";
  const wanted = endsInCalls(recording) ? "out_of_steps" : "completed";
  if (status !== wanted) return `it ended ${status} instead of ${wanted}${reasonOf(events)}`;
  const expected = await expectedItems(recording, blobs);
  const actual = await actualItems(events, blobs);
  // A recording that ends in calls is closed by the wrap-up: a note to the model and its answer, which nobody recorded.
  const trailing = endsInCalls(recording) ? 2 : 0;
  if (actual.length !== expected.length + trailing)
    return `it has ${actual.length - trailing} entries instead of ${expected.length}`;
  for (const [i, item] of expected.entries()) {
    if (!isDeepStrictEqual(actual[i], item)) return `entry ${i}: expected ${shorten(item)}, got ${shorten(actual[i])}`;
  }
  return undefined;
}

function settledStatus(events: readonly RunEvent[]): string {
  const finished = events.at(-1);
  return finished?.type === "run.finished" ? finished.status : "unfinished";
}

function reasonOf(events: readonly RunEvent[]): string {
  const settling = events.findLast((event) => event.type === "run.settling");
  return settling?.type === "run.settling" && settling.error !== undefined ? ` (${settling.error.message})` : "";
}

function shorten(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 300 ? `${text.slice(0, 300)}...` : text;
}

async function expectedItems(recording: Recording, blobs: Blobs): Promise<readonly Item[]> {
  const request = toRequest(recording, "run");
  const items: Item[] = (request.history ?? []).map((message) => toItem(message));
  if (typeof request.input === "string" && request.input !== "") items.push({ kind: "user", text: request.input });
  for (const [i, turn] of recording.turns.entries()) {
    if (i > 0) items.push(...before(turn));
    const { text, reasoning, toolCalls } = turn.assistant;
    const calls = toolCalls.map((call): JsonValue => ({ name: call.name, input: call.input ?? {} }));
    items.push({ kind: "assistant", text, reasoning: reasoning ?? "", calls });
    if (toolCalls.length > 0) items.push({ kind: "results", results: await expectedResults(turn, blobs) });
  }
  return items;
}

function before(turn: RecordedTurn): readonly Item[] {
  const items: Item[] = [];
  if (turn.compactionBefore !== undefined) items.push({ kind: "compaction", summary: turn.compactionBefore.summary });
  if (turn.user !== undefined && turn.user !== "") items.push({ kind: "user", text: turn.user });
  return items;
}

async function expectedResults(turn: RecordedTurn, blobs: Blobs): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (const [ordinal, { name }] of turn.assistant.toolCalls.entries()) {
    const result = resultOf(turn, ordinal);
    results.push({ name, output: result === undefined ? "unknown" : await toOutput(result, blobs) });
  }
  return results;
}

/** What entered the conversation, in order: also what a compaction later took out of it. */
async function actualItems(events: readonly RunEvent[], blobs: Blobs): Promise<readonly Item[]> {
  let state: RunState | undefined;
  const items: Item[] = [];
  const spilled = await spilledResults(events, blobs);
  const unknown = new Set<string>();
  for (const event of events) {
    if (state === undefined) {
      if (event.type === "run.started") state = initialState(event, event);
      if (state !== undefined) items.push(...toArray(state.messages).map((message) => toItem(message)));
      continue;
    }
    const before: RunState = state;
    if (event.type === "tool.ended" && event.outcome === "unknown") {
      const id = before.calls.find((call) => call.id === event.call)?.toolCallId;
      if (id !== undefined) unknown.add(id);
    }
    state = evolve(before, event, event);
    if (event.type === "context.compacted") items.push({ kind: "compaction", summary: event.summary });
    else items.push(...toArray(state.messages, before.messages.length).map((message) => toItem(message, { unknown, spilled })));
    if (event.type === "model.answered") unknown.clear();
  }
  return items;
}

interface Known {
  readonly unknown: ReadonlySet<string>;
  /** Whole results by the text that the model was given instead. */
  readonly spilled: ReadonlyMap<string, string>;
}

function toItem(message: Message, known: Known = { unknown: new Set(), spilled: new Map() }): Item {
  switch (message.role) {
    case "user":
      return { kind: "user", text: message.content.map((part) => (part.type === "text" ? part.text : "[file]")).join("") };
    case "assistant":
      return assistantItem(message);
    case "tool":
      return resultsItem(message, known);
  }
}

function assistantItem(message: AssistantMessage): Item {
  let text = "";
  let reasoning = "";
  const calls: JsonValue[] = [];
  for (const part of message.content) {
    if (part.type === "text") text += part.text;
    if (part.type === "reasoning") reasoning += part.text;
    if (part.type === "tool-call") calls.push({ name: part.toolName, input: part.input });
  }
  return { kind: "assistant", text, reasoning, calls };
}

function resultsItem(message: ToolMessage, { unknown, spilled }: Known): Item {
  const results = message.content.map((part) => {
    if (unknown.has(part.toolCallId)) return { name: part.toolName, output: "unknown" as const };
    const { output } = part;
    const whole = output.type === "text" || output.type === "error-text" ? spilled.get(output.value) : undefined;
    const restored = whole === undefined ? output : ({ type: output.type, value: whole } as ToolOutput);
    return { name: part.toolName, output: restored };
  });
  return { kind: "results", results };
}

async function spilledResults(events: readonly RunEvent[], blobs: Blobs): Promise<ReadonlyMap<string, string>> {
  const spilled = new Map<string, string>();
  for (const event of events) {
    if (event.type !== "tool.ended" || event.spilled === undefined || typeof event.output.value !== "string") continue;
    spilled.set(event.output.value, new TextDecoder().decode(await blobs.get(event.spilled.hash)));
  }
  return spilled;
}
