/** A journal as a test: nothing is called, and what the kernel of today decides must be what was recorded. */
import assert, { AssertionError } from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createMemoryStore } from "../adapters/store/memory.ts";
import { EXPORT_FORMAT, type EventLine } from "../adapters/store/transfer.ts";
import { ExecutusError } from "../kernel/errors.ts";
import type { Agent } from "../ports/definition.ts";
import type { RunEvent } from "../ports/events.ts";
import type { Store } from "../ports/store.ts";
import { createWorld } from "./world.ts";

/** Events of one run; a file of them, one JSON a line, or of an export of a store; or runs in a store. */
export type Journal = readonly RunEvent[] | string | URL | Store;

export interface ReplayOptions {
  /** Default: all that are there. */
  readonly runs?: readonly string[];
  /** Another definition of the agent: where would the runs have taken another course with it? Default: their own. */
  readonly against?: Agent;
}

/**
 * Resolves to the number of events that were replayed. Throws an AssertionError at the first that is decided otherwise now, naming it;
 * rejects with `run_unknown` for a run that is not there, and with `journal_damaged` for what is no journal. Where there is no run at
 * all, that is an AssertionError too.
 *
 * @example
 * await replay("test/journals/refund.jsonl");
 */
export async function replay(journal: Journal, { runs, against }: ReplayOptions = {}): Promise<number> {
  const store = await toStore(journal);
  const names = runs ?? (await store.runs.list({ limit: Infinity })).map(({ run }) => run);
  assert.ok(names.length > 0, "there is no run to replay, so nothing was tried");
  const { executor } = createWorld([], { through: () => store });
  let count = 0;
  for (const run of names) {
    const { events, divergence } = await executor.replay(run, against === undefined ? {} : { against });
    if (divergence !== undefined) {
      const { seq, recorded, now } = divergence;
      const message = `run ${run} takes another course at event ${seq}. Recorded: ${recorded}; now: ${now}`;
      throw new AssertionError({ message, actual: now, expected: recorded, operator: "replay" });
    }
    count += events;
  }
  return count;
}

async function toStore(journal: Journal): Promise<Store> {
  if (typeof journal === "string" || journal instanceof URL)
    return readOnly(parse(await readFile(journal, "utf8"), String(journal)));
  if ("journal" in journal) return journal;
  if (journal.length > 0 && journal[0]?.type !== "run.started")
    throw damaged("these events do not begin with the beginning of a run");
  return readOnly(journal);
}

/** What a replay asks a store for. */
function readOnly(events: readonly RunEvent[]): Store {
  const journals: RunEvent[][] = [];
  for (const event of events) {
    if (event.seq === 0) journals.push([]);
    journals.at(-1)?.push(event);
  }
  const named = new Map(journals.map((journal) => [nameOf(journal[0]), journal]));
  const empty = createMemoryStore();
  return {
    ...empty,
    journal: {
      ...empty.journal,
      read: async (run, { after = -1, limit = Infinity } = {}) => (named.get(run) ?? []).slice(after + 1, after + 1 + limit),
    },
    runs: {
      ...empty.runs,
      list: async () => [...named.keys()].map((run) => ({ run })) as unknown as Awaited<ReturnType<Store["runs"]["list"]>>,
    },
  };
}

function nameOf(first: RunEvent | undefined): string {
  return first?.type === "run.started" ? first.run : "";
}

function parse(text: string, file: string): readonly RunEvent[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const events = lines.flatMap((line, i) => toEvents(read(line, `${file}, line ${i + 1}`)));
  if (events[0]?.type !== "run.started") throw damaged(`${file} does not begin with the beginning of a run`);
  return events;
}

function read(line: string, where: string): object {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // Said below.
  }
  throw damaged(`${where} is no JSON object`);
}

/** Lines of an export are events, rows, entries of an inbox, a beginning and an end. */
function toEvents(line: object): readonly RunEvent[] {
  if ("type" in line && "seq" in line) return [line as RunEvent];
  if ("format" in line && line.format !== EXPORT_FORMAT) throw damaged(`this is ${String(line.format)}, not ${EXPORT_FORMAT}`);
  if (!("body" in line)) return [];
  const { body, sum: _sum, ...header } = line as EventLine;
  return [{ ...body, ...header }];
}

function damaged(message: string): ExecutusError {
  return new ExecutusError("journal_damaged", message);
}
