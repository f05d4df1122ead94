/**
 * Runs as lines of JSON, to carry them from one store to another.
 *
 *   {"format":"executus runs","version":2}
 *   {"blob":"<SHA-256>","base64":"..."}           once, before the first run that refers to it
 *   {"run":{...row},"events":2,"entries":1,"deliveries":1}      one per run, followed by
 *   {"seq":0,"epoch":1,"at":...,"activeMs":0,"body":{...},"sum":"..."}
 *   {"entry":{...}}                               input that waits
 *   {"delivery":{...},"sum":"...","handedOver":true}
 *   {"end":1}                                     how many runs there were
 *
 * The sums are those of the journal's own checksum chain, so damage on the way shows at the record that has it. The place of a run in
 * its lane is in its first event. What others than the run itself count (budgets) stays where it was counted.
 */
import { ExecutusError } from "../../kernel/errors.ts";
import type { EventBody, EventHeader, RunEvent } from "../../ports/events.ts";
import type { Blobs } from "../../ports/blobs.ts";
import type { DeliveryRow, Outbox, RunRow, Store } from "../../ports/store.ts";
import { blobsIn } from "./blob-references.ts";
import { bodyDigest, chainStart, nextSum } from "./chain.ts";

export const EXPORT_FORMAT = "executus runs";
export const EXPORT_VERSION = 2;

export interface EventLine extends EventHeader {
  readonly body: EventBody;
  /** Hexadecimal. */
  readonly sum: string;
}

export interface RunLine {
  readonly run: RunRow;
  readonly events: number;
  readonly entries: number;
  /** Absent: none. */
  readonly deliveries?: number;
}

export interface BlobLine {
  readonly blob: string;
  readonly base64: string;
}

export interface DeliveryLine {
  readonly delivery: Omit<DeliveryRow, "run" | "owner"> & { readonly body: string };
  readonly sum: string;
  /** It was pending and is not sent by the store that exported it any more. */
  readonly handedOver?: true;
}

export interface ExportOptions {
  /** Where the blobs that the runs refer to are; default: the store's own, if it has any. `false` leaves them out. */
  readonly blobs?: Blobs | false;
  /**
   * Given: pending deliveries are not sent by this store any more, but by the one that imports the export. They are `dead` here, with
   * that reason, when this is called with them. Default: they stay with this store, and the one that imports does not send them.
   */
  readonly handOver?: (delivery: DeliveryRow) => void;
}

/**
 * The named runs (default: all) as lines of JSON, without line ends; with them come the runs that they go on from, where those
 * are here, and the blobs they refer to. Rejects with `run_unknown`, `journal_damaged`, `blob_missing` or `blob_damaged`.
 *
 * @example
 * for await (const line of exportRuns(store)) process.stdout.write(`${line}\n`);
 */
export async function* exportRuns(store: Store, runs?: readonly string[], options: ExportOptions = {}): AsyncIterable<string> {
  const carried = new Set<string>();
  yield JSON.stringify({ format: EXPORT_FORMAT, version: EXPORT_VERSION });
  const names =
    runs === undefined
      ? (await store.runs.list({ limit: Infinity })).map((row) => row.run).toReversed()
      : await withThreads(store, runs);
  let count = 0;
  for (const name of names) {
    const lines = await exportRun(store, name, options);
    if (lines === undefined && runs === undefined) continue;
    if (lines === undefined) throw new ExecutusError("run_unknown", `There is no run ${name} in this store`, { run: name });
    yield* blobLines(lines, options.blobs ?? store.blobs ?? false, carried);
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
async function exportRun(store: Store, name: string, options: ExportOptions): Promise<readonly string[] | undefined> {
  for (;;) {
    const events = await store.journal.read(name);
    const entries = await store.inbox.pending(name);
    const row = await store.runs.get(name);
    if (row === undefined) return undefined;
    if (row.seq !== events.length - 1) continue;
    const { owner: _, ...run } = row;
    const deliveries = await deliveryLines(store, name, options);
    const counted = deliveries.length === 0 ? {} : { deliveries: deliveries.length };
    const line: RunLine = { run, events: events.length, entries: entries.length, ...counted };
    return [
      JSON.stringify(line),
      ...toEventLines(name, events),
      ...entries.map(({ position: _, ...entry }) => JSON.stringify({ entry })),
      ...deliveries,
    ];
  }
}

/** One at a time in memory. */
async function* blobLines(lines: readonly string[], blobs: Blobs | false, carried: Set<string>): AsyncIterable<string> {
  if (blobs === false) return;
  for (const hash of lines.flatMap(blobsIn)) {
    if (carried.has(hash)) continue;
    carried.add(hash);
    const line: BlobLine = { blob: hash, base64: Buffer.from(await blobs.get(hash)).toString("base64") };
    yield JSON.stringify(line);
  }
}

async function deliveryLines({ outbox }: Store, run: string, { handOver }: ExportOptions): Promise<readonly string[]> {
  const rows = await outbox.list({ run, withBody: true, limit: Infinity });
  const lines: string[] = [];
  for (const row of rows.toReversed()) {
    const { run: _run, owner: _owner, body = "", ...rest } = row;
    const delivery = { ...rest, body };
    const handedOver = handOver !== undefined && (await isHandedOver(outbox, row)) ? { handedOver: true as const } : {};
    const line: DeliveryLine = { delivery, sum: deliverySum(delivery), ...handedOver };
    lines.push(JSON.stringify(line));
    if ("handedOver" in handedOver) handOver?.(row);
  }
  return lines;
}

/** Not one that is being sent: the number of the attempt tells whether somebody began one meanwhile. */
async function isHandedOver(outbox: Outbox, { id, status, attempts, owner }: DeliveryRow): Promise<boolean> {
  if (status !== "pending" || owner !== undefined) return false;
  return outbox.record(id, attempts, { status: "dead", at: Date.now(), error: "handed over to the store that imports it" });
}

export function deliverySum(delivery: DeliveryLine["delivery"]): string {
  return Buffer.from(bodyDigest(JSON.stringify(delivery)), "binary").toString("hex");
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
