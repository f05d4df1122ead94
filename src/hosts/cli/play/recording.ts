/** Recorded conversations: reading them, and what of them a run is made from. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { createHash } from "node:crypto";
import { ExecutusError } from "../../../kernel/errors.ts";
import type { JsonObject, JsonValue } from "../../../ports/json.ts";

export interface RecordedCall {
  readonly id: string;
  readonly name: string;
  readonly input: JsonValue;
}

export type RecordedPart =
  | { readonly type: "text"; readonly text: string }
  /** Recordings leave image data out at times. */
  | { readonly type: "image"; readonly mediaType?: string; readonly data?: string | null };

export interface RecordedResult {
  readonly id: string;
  readonly output: string | readonly RecordedPart[];
  readonly isError: boolean;
}

export interface RecordedTurn {
  /** User text that arrived before this turn. */
  readonly user?: string;
  readonly compactionBefore?: { readonly trigger?: string; readonly summary: string };
  readonly modelErrorsBefore?: readonly { readonly stopReason?: string; readonly message?: string }[];
  readonly assistant: {
    readonly text: string;
    readonly reasoning?: string;
    readonly toolCalls: readonly RecordedCall[];
    readonly stopReason?: string;
    readonly usage?: {
      readonly input?: number;
      readonly cacheRead?: number;
      readonly cacheWrite?: number;
      readonly output?: number;
    };
  };
  readonly toolResults: readonly RecordedResult[];
}

export interface Recording {
  readonly id: string;
  readonly model?: string;
  readonly system?: string;
  readonly tools: readonly { readonly name: string; readonly description?: string; readonly inputSchema?: JsonObject }[];
  readonly user?: string;
  readonly turns: readonly RecordedTurn[];
}

/** One recording per line. Rejects with `corpus_invalid` naming file and line. */
export async function* readRecordings(file: string): AsyncGenerator<Recording, void, undefined> {
  const lines = createInterface({ input: createReadStream(file, "utf8"), crlfDelay: Infinity });
  let number = 0;
  try {
    for await (const line of lines) {
      number++;
      if (line.trim() !== "") yield parseRecording(line, `${file}:${number}`);
    }
  } catch (error) {
    if (error instanceof ExecutusError) throw error;
    const hint = "Give the path of a .jsonl file with one recorded conversation per line.";
    throw new ExecutusError("corpus_invalid", `cannot read ${file}: ${(error as Error).message}`, { file, hint, cause: error });
  }
}

function parseRecording(line: string, where: string): Recording {
  const problem = (what: string): ExecutusError =>
    new ExecutusError("corpus_invalid", `${where}: ${what}`, {
      hint: "A line is one recorded conversation: {id, user, tools, turns: [...]}",
    });
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw problem(`is not JSON (${(error as Error).message})`);
  }
  const recording = value as Partial<Recording> | null;
  if (typeof recording?.id !== "string" || recording.id === "") throw problem("has no id");
  if (!Array.isArray(recording.turns) || recording.turns.length === 0) throw problem(`${recording.id} has no turns`);
  const bad = recording.turns.findIndex((turn: RecordedTurn) => !isTurn(turn));
  if (bad >= 0) throw problem(`turn ${bad} of ${recording.id} has no assistant answer`);
  return { ...recording, id: recording.id, tools: recording.tools ?? [], turns: recording.turns.map(normalised) };
}

function isTurn(turn: RecordedTurn | undefined): boolean {
  return typeof turn?.assistant === "object" && turn.assistant !== null;
}

function normalised(turn: RecordedTurn): RecordedTurn {
  const { assistant } = turn;
  return {
    ...turn,
    assistant: { ...assistant, text: assistant.text ?? "", toolCalls: assistant.toolCalls ?? [] },
    toolResults: turn.toolResults ?? [],
  };
}

/** Stable from start to start, so that the same command finds its runs again. */
export function runIdOf(recording: Recording): string {
  const id = `play_${recording.id}`;
  if (/^[A-Za-z0-9_.:-]{1,128}$/.test(id)) return id;
  return `play_${createHash("sha256").update(recording.id).digest("hex").slice(0, 32)}`;
}

/** The result of the n-th call of a turn: by provider id, the k-th result for the k-th call of the same id. */
export function resultOf(turn: RecordedTurn, ordinal: number): RecordedResult | undefined {
  const call = turn.assistant.toolCalls[ordinal];
  if (call === undefined) return undefined;
  const earlier = turn.assistant.toolCalls.slice(0, ordinal).filter((other) => other.id === call.id).length;
  return turn.toolResults.filter((result) => result.id === call.id)[earlier];
}

/** The recording stops inside a step: its last answer asked for calls, and no answer to their results was recorded. */
export function endsInCalls(recording: Recording): boolean {
  return (recording.turns.at(-1)?.assistant.toolCalls.length ?? 0) > 0;
}
