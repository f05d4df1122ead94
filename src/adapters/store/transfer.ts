/**
 * Runs as lines of JSON, to carry them from one store to another.
 *
 *   {"format":"executus runs","version":1}
 *   {"run":{...row},"events":2,"entries":1}      one per run, followed by
 *   {"seq":0,"epoch":1,"at":...,"activeMs":0,"body":{...},"sum":"..."}
 *   {"entry":{...}}                               input that waits
 *   {"end":1}                                     how many runs there were
 *
 * The sums are those of the journal's own checksum chain, so damage on the way shows at the record that has it.
 */
import { ExecutusError } from "../../kernel/errors.ts";
import type { EventBody, EventHeader, RunEvent } from "../../ports/events.ts";
import type { RunRow, Store } from "../../ports/store.ts";
import { bodyDigest, chainStart, nextSum } from "./chain.ts";

export const EXPORT_FORMAT = "executus runs";
export const EXPORT_VERSION = 1;

export interface EventLine extends EventHeader {
  readonly body: EventBody;
  /** Hexadecimal. */
  readonly sum: string;
}

export interface RunLine {
  readonly run: RunRow;
  readonly events: number;
  readonly entries: number;
}

/**
 * The named runs (default: all) as lines of JSON, without line ends; with them come the runs that they go on from, where those
 * are here. Rejects with `run_unknown` or `journal_damaged`.
 *
 * @example
 * for await (const line of exportRuns(store)) process.stdout.write(`${line}\n`);
 */
export async function* exportRuns(store: Store, runs?: readonly string[]): AsyncIterable<string> {
  yield JSON.stringify({ format: EXPORT_FORMAT, version: EXPORT_VERSION });
  const names =
    runs === undefined
      ? (await store.runs.list({ limit: Infinity })).map((row) => row.run).toReversed()
      : await withThreads(store, runs);
  let count = 0;
  for (const name of names) {
    const lines = await exportRun(store, name);
    if (lines === undefined && runs === undefined) continue;
    if (lines === undefined) throw new ExecutusError("run_unknown", `There is no run ${name} in this store`, { run: name });
    yield* lines;
    count++;
  }
  yield JSON.stringify({ end: count });
}

/** Each run after the ones it goes on from. */
async function withThreads(store: Store, runs: readonly string[]): Promise<readonly string[]> {
  const names = new Set<string>();
  for (const run of runs) {
    const thread = [run];
    for (let at = await store.runs.get(run); at?.continues !== undefined && !names.has(at.continues);) {
      at = await store.runs.get(at.continues);
      if (at !== undefined) thread.push(at.run);
    }
    for (const name of thread.toReversed()) names.add(name);
  }
  return [...names];
}

/** A run that goes on while it is read: its row is read again until it belongs to its events. Undefined when it is gone. */
async function exportRun(store: Store, name: string): Promise<readonly string[] | undefined> {
  for (;;) {
    const events = await store.journal.read(name);
    const entries = await store.inbox.pending(name);
    const row = await store.runs.get(name);
    if (row === undefined) return undefined;
    if (row.seq !== events.length - 1) continue;
    const { owner: _, ...run } = row;
    const line: RunLine = { run, events: events.length, entries: entries.length };
    return [
      JSON.stringify(line),
      ...toEventLines(name, events),
      ...entries.map(({ position: _, ...entry }) => JSON.stringify({ entry })),
    ];
  }
}

function toEventLines(run: string, events: readonly RunEvent[]): readonly string[] {
  let sum = chainStart(run);
  return events.map(({ seq, epoch, at, activeMs, ...body }) => {
    const header = { seq, epoch, at, activeMs };
    sum = nextSum(sum, header, bodyDigest(JSON.stringify(body)));
    const line: EventLine = { ...header, body, sum: Buffer.from(sum).toString("hex") };
    return JSON.stringify(line);
  });
}

/** Input that was consumed: its ids are in the events it became. */
export function consumedIds(events: readonly { readonly body: EventBody }[]): readonly string[] {
  return events.flatMap(({ body }) => ("id" in body && typeof body.id === "string" ? [body.id] : []));
}
