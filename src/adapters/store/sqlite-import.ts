/** Taking runs in that another store exported. */
import { ExecutusError } from "../../kernel/errors.ts";
import type { EventBody } from "../../ports/events.ts";
import type { InboxEntry } from "../../ports/store.ts";
import { bodyDigest, chainStart, nextSum } from "./chain.ts";
import { present } from "./present.ts";
import { checkRunId } from "./requests.ts";
import type { WholeRun } from "./sqlite-runs.ts";
import type { SqliteStore } from "./sqlite.ts";
import type { WholeDelivery } from "./sqlite-outbox.ts";
import {
  type BlobLine,
  consumedIds,
  type DeliveryLine,
  deliverySum,
  EXPORT_FORMAT,
  EXPORT_VERSION,
  type EventLine,
  type RunLine,
} from "./transfer.ts";

/** The first one had no blobs and no deliveries. */
const READABLE_VERSIONS: readonly unknown[] = [1, EXPORT_VERSION];

export interface ImportReport {
  readonly imported: number;
  /** Runs whose id or idempotency key the store has already: left as they are. */
  readonly skipped: number;
  /** Blobs that came along. */
  readonly blobs: number;
  /** Deliveries that this store sends from now on. */
  readonly deliveries: number;
  /** Runs that go on from one which is not in the store: they can be looked at, but not resumed or continued. */
  readonly incomplete?: readonly { readonly run: string; readonly continues: string }[];
}

/**
 * Take in the lines of `exportRuns`: each run whole or not at all, and never over one that is there. Unfinished runs can be
 * claimed and continued here.
 *
 * Rejects with ExecutusError `request_invalid` for lines that do not begin as an export does; `journal_damaged`, naming run and seq
 * (or the line), for lines that are damaged or end too soon: runs before that stay imported, and the import can be repeated.
 *
 * @example
 * const { imported } = await importRuns(store, createInterface({ input: createReadStream("runs.jsonl") }));
 */
export async function importRuns(store: SqliteStore, lines: AsyncIterable<string> | Iterable<string>): Promise<ImportReport> {
  let [imported, skipped, blobs, deliveries] = [0, 0, 0, 0];
  const followUps: { readonly run: string; readonly continues: string }[] = [];
  for await (const run of readRuns(lines)) {
    if ("base64" in run) {
      await keepBlob(store, run);
      blobs++;
      continue;
    }
    if (await store.insertRun(run)) {
      imported++;
      deliveries += run.deliveries.filter(({ status }) => status === "pending").length;
    } else skipped++;
    const { run: name, continues } = run.row;
    if (continues !== undefined) followUps.push({ run: name, continues });
  }
  const incomplete = [];
  for (const one of followUps) if ((await store.runs.get(one.continues)) === undefined) incomplete.push(one);
  return { imported, skipped, blobs, deliveries, ...(incomplete.length === 0 ? {} : { incomplete }) };
}

/** Before the run that names it is there. Its name is its checksum. */
async function keepBlob({ blobs }: SqliteStore, { blob, base64, line }: BlobLine & { readonly line: number }): Promise<void> {
  const hash = await blobs.put(Buffer.from(base64, "base64"));
  if (hash !== blob) throw broken(line, `the bytes of the blob ${blob} do not match their name`);
}

async function* readRuns(
  lines: AsyncIterable<string> | Iterable<string>,
): AsyncIterable<WholeRun | (BlobLine & { readonly line: number })> {
  const reader = createLineReader(lines);
  const header = await reader.next().catch(() => undefined);
  if (header?.["format"] !== EXPORT_FORMAT) {
    const hint = "Give what `exportRuns` or `executus store export` has written.";
    throw new ExecutusError("request_invalid", "These lines are not an export of runs", { hint });
  }
  if (!READABLE_VERSIONS.includes(header["version"])) {
    throw new ExecutusError(
      "store_newer",
      `The export has version ${String(header["version"])}; this one reads versions up to ${EXPORT_VERSION}`,
      {
        hint: "Import it with the version of executus that wrote it, or a later one.",
      },
    );
  }
  let count = 0;
  for (;;) {
    const line = await reader.next();
    if (line === undefined) throw broken(reader.line, "the export ends too soon");
    if ("end" in line) {
      if (line["end"] !== count) throw broken(reader.line, `${String(line["end"])} runs were exported, ${count} are here`);
      return;
    }
    if (isBlobLine(line)) {
      yield { ...line, line: reader.line };
      continue;
    }
    yield await readRun(reader, line as unknown as RunLine);
    count++;
  }
}

async function readRun(
  reader: LineReader,
  { run: row, events: eventCount, entries: entryCount, deliveries: deliveryCount = 0 }: RunLine,
): Promise<WholeRun> {
  if (typeof row?.run !== "string") throw broken(reader.line, "a run was expected");
  checkRunId(row.run);
  const events: WholeRun["events"][number][] = [];
  let sum = chainStart(row.run);
  for (let seq = 0; seq < eventCount; seq++) {
    const { body, sum: given, ...header } = ((await reader.next()) ?? {}) as unknown as EventLine;
    const text = JSON.stringify(body ?? null);
    sum = nextSum(sum, header, bodyDigest(text));
    if (header.seq !== seq || Buffer.from(sum).toString("hex") !== given) throw damagedRecord(row.run, seq, reader.line);
    events.push({ ...header, body, text, sum });
  }
  const pending: InboxEntry[] = [];
  for (let i = 0; i < entryCount; i++) pending.push(toEntry(row.run, reader.line + 1, await reader.next()));
  const deliveries: WholeDelivery[] = [];
  for (let i = 0; i < deliveryCount; i++) deliveries.push(toDelivery(row.run, reader.line + 1, await reader.next()));
  const idempotencyKey = keyOf(events[0]?.body);
  return { row, events, pending, deliveries, consumed: consumedIds(events), ...present({ idempotencyKey }) };
}

function toEntry(run: string, line: number, given: Readonly<Record<string, unknown>> | undefined): InboxEntry {
  if (given === undefined || !("entry" in given)) throw broken(line, `waiting input of run ${run} was expected`);
  return given["entry"] as InboxEntry;
}

function toDelivery(run: string, line: number, given: Readonly<Record<string, unknown>> | undefined): WholeDelivery {
  const { delivery, sum, handedOver } = (given ?? {}) as Partial<DeliveryLine>;
  if (delivery === undefined) throw broken(line, `a delivery of run ${run} was expected`);
  if (deliverySum(delivery) !== sum) throw broken(line, `the checksum of a delivery of run ${run} does not match its content`);
  if (delivery.status !== "pending" || handedOver === true) return delivery;
  return { ...delivery, status: "dead", error: "the store that it was exported from sends it" };
}

function isBlobLine(line: object): line is BlobLine {
  return "blob" in line && typeof line.blob === "string" && "base64" in line && typeof line.base64 === "string";
}

function keyOf(first: EventBody | undefined): string | undefined {
  return first?.type === "run.started" ? first.request.idempotencyKey : undefined;
}

interface LineReader {
  /** Number of the line last read, from 1. */
  readonly line: number;
  next(): Promise<Readonly<Record<string, unknown>> | undefined>;
}

function createLineReader(lines: AsyncIterable<string> | Iterable<string>): LineReader {
  const iterator = Symbol.asyncIterator in lines ? lines[Symbol.asyncIterator]() : lines[Symbol.iterator]();
  let line = 0;
  return {
    get line() {
      return line;
    },
    async next() {
      for (;;) {
        const { done, value } = await iterator.next();
        if (done === true) return undefined;
        line++;
        if (value.trim() !== "") return parse(value, line);
      }
    },
  };
}

function parse(text: string, line: number): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch {
    // Said below.
  }
  throw broken(line, "this is not a JSON object");
}

function broken(line: number, what: string): ExecutusError {
  return new ExecutusError("journal_damaged", `The export cannot be read at line ${line}: ${what}`, {
    hint: "Export the runs again.",
  });
}

function damagedRecord(run: string, seq: number, line: number): ExecutusError {
  return new ExecutusError(
    "journal_damaged",
    `The export of run ${run} is damaged at seq ${seq} (line ${line}): its checksum does not match its content`,
    { run, hint: "Export the run again." },
  );
}
