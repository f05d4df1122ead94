/** Every bit of a store file matters or does not: what changes in a journal is noticed when the journal is read, before anything acts on it. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { newFolder } from "../../../test/support/sqlite-store.ts";
import type { RunEvent } from "../../ports/events.ts";
import { batch, event, newRun } from "../../testing/store-conformance-data.ts";
import { checkStore } from "./sqlite-maintenance.ts";
import { openSqliteStore } from "./sqlite.ts";

const RUNS = ["run-a", "run-b", "run-c"] as const;

type Journals = Readonly<Record<string, readonly RunEvent[] | "damaged" | "missing">>;

interface Sound {
  readonly file: string;
  readonly bytes: Buffer;
  readonly journals: Journals;
}

async function soundStore(): Promise<Sound> {
  const file = join(await newFolder(), "store.db");
  {
    await using store = openSqliteStore({ file });
    for (const run of RUNS) {
      await store.runs.create(newRun(run, { caller: "ann", events: [event("0.0", `${run} begins`)] }));
      for (let seq = 1; seq < 8; seq++) {
        const events = [event(`${seq}.0`, `${run}:${seq} ${"-".repeat(300)}`)];
        await store.journal.append(batch(run, { seq, events, row: { step: seq } }));
      }
    }
  }
  return { file, bytes: readFileSync(file), journals: (await journalsOf(file)) ?? {} };
}

/** What a reader gets of each run; undefined when the file is refused as a whole. */
async function journalsOf(file: string): Promise<Journals | undefined> {
  try {
    await using store = openSqliteStore({ file, readOnly: true });
    const entries: [string, Journals[string]][] = [];
    for (const run of RUNS) entries.push([run, await readOne(store, run)]);
    return Object.fromEntries(entries);
  } catch (error) {
    expect(error).toMatchObject({ code: expect.stringMatching(/^store_(damaged|foreign|newer|unavailable)$/) });
    return undefined;
  }
}

async function readOne(store: ReturnType<typeof openSqliteStore>, run: string): Promise<Journals[string]> {
  try {
    const events = await store.journal.read(run);
    return events.length === 0 ? "missing" : events;
  } catch (error) {
    expect(error).toMatchObject({ code: expect.stringMatching(/^(journal|store)_damaged$/) });
    return "damaged";
  }
}

interface Tally {
  harmless: number;
  refused: number;
  damaged: number;
  missing: number;
  /** Other content than was written, and nobody said so. */
  readonly silent: string[];
  /** More than one run cannot be read, and the file as a whole was not refused. */
  spread: number;
}

async function flip(sound: Sound, bits: Iterable<number>): Promise<Tally> {
  const tally: Tally = { harmless: 0, refused: 0, damaged: 0, missing: 0, silent: [], spread: 0 };
  const { file, bytes, journals } = sound;
  for (const bit of bits) {
    const at = bit >> 3;
    const before = bytes[at] ?? 0;
    bytes[at] = before ^ (1 << (bit & 7));
    writeFileSync(file, bytes);
    bytes[at] = before;
    await judge(tally, bit, { file, journals });
  }
  writeFileSync(file, bytes);
  return tally;
}

async function judge(tally: Tally, bit: number, { file, journals }: Pick<Sound, "file" | "journals">): Promise<void> {
  const found = await journalsOf(file);
  if (found === undefined) return void tally.refused++;
  const changed = RUNS.filter((run) => JSON.stringify(found[run]) !== JSON.stringify(journals[run]));
  if (changed.length === 0) return void tally.harmless++;
  if (changed.length > 1) tally.spread++;
  if (changed.some((run) => typeof found[run] !== "string")) tally.silent.push(`bit ${bit}: ${changed.join()}`);
  else if (changed.some((run) => found[run] === "damaged")) tally.damaged++;
  else {
    tally.missing++;
    // It is not there under its name any more: a look at the whole file says so.
    if ((await checkStore(file)).problems.length === 0) tally.silent.push(`bit ${bit}: ${changed.join()} gone`);
  }
}

const range = (from: number, to: number, step: number): number[] =>
  Array.from({ length: Math.max(0, Math.ceil((to - from) / step)) }, (_, i) => from + i * step);

describe("a flipped bit in a store file", () => {
  it("anywhere in a record is noticed when its run is read", async () => {
    const sound = await soundStore();
    const at = sound.bytes.indexOf("run-b:5 ");
    // Its lengths, types, header, the end of its sum and the beginning of its body, and of the one before it: every bit.
    const tally = await flip(sound, range((at - 70) * 8, (at + 40) * 8, 1));
    expect(tally.silent).toEqual([]);
    expect(tally.damaged).toBeGreaterThan(700);
    // A length that is wrong makes the page unreadable, and with it the records of others that it holds.
    expect(tally.spread).toBeLessThan(tally.damaged / 5);
  }, 60_000);

  it("anywhere in the file never passes as what was written", async () => {
    const sound = await soundStore();
    const bits = sound.bytes.length * 8;
    // An odd step meets every bit of a byte and every kind of page.
    const tally = await flip(sound, range(0, bits, Math.floor(bits / 1_500) | 1));
    expect(tally.silent).toEqual([]);
    expect(tally.damaged).toBeGreaterThan(30);
    expect(tally.refused).toBeGreaterThan(10);
  }, 60_000);
});
