/** Recorded conversations: reading them, and what of them a run is made from. */
import { createReadStream, statSync } from "node:fs";
import { createInterface } from "node:readline";
import { createHash } from "node:crypto";
import { ExecutusError } from "../../../kernel/errors.ts";
import type { JsonValue } from "../../../ports/json.ts";
import { parseRecording } from "./parse-recording.ts";

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
  readonly system?: string;
  readonly tools: readonly { readonly name: string; readonly description?: string }[];
  readonly user?: string;
  readonly turns: readonly RecordedTurn[];
}

/**
 * The ids of all recordings, read once before anything is played. Rejects with `corpus_invalid` naming file and line, or both files
 * with an id.
 */
export async function checkCorpus(files: readonly string[]): Promise<ReadonlySet<string>> {
  const places = new Map<string, string>();
  for (const file of files) {
    for await (const { id } of readRecordings(file)) {
      const other = places.get(id);
      if (other !== undefined) throw twice(id, file, other);
      places.set(id, file);
    }
  }
  return new Set(places.keys());
}

function twice(id: string, file: string, other: string): ExecutusError {
  const where = file === other ? `${file} has two recordings` : `${other} and ${file} both have a recording`;
  const hint = "A recording is one run of the store, named by its id: play them into different stores with --db.";
  return new ExecutusError("corpus_invalid", `${where} with the id ${id}`, { file, hint });
}

/** One recording per line. Rejects with `corpus_invalid` naming file and line. */
export async function* readRecordings(file: string): AsyncGenerator<Recording, void, undefined> {
  let number = 0;
  try {
    // What was read from a pipe is gone, and a corpus is read more than once.
    if (!statSync(file).isFile()) throw new Error("it is no file");
    const lines = createInterface({ input: createReadStream(file, "utf8"), crlfDelay: Infinity });
    for await (const line of lines) {
      number++;
      // A byte order mark counts as white space.
      if (line.trim() !== "") yield parseRecording(line.trim(), `${file}:${number}`);
    }
  } catch (error) {
    if (error instanceof ExecutusError) throw error;
    const hint = "Give the path of a .jsonl file with one recorded conversation per line.";
    throw new ExecutusError("corpus_invalid", `cannot read ${file}: ${(error as Error).message}`, { file, hint, cause: error });
  }
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
