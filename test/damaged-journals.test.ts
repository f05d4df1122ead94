/**
 * Every golden journal, damaged in every way that has an answer: refused by run and sequence number before anything is claimed, left to
 * a version that knows it, or gone on with. Other runs of the same store go on whatever happens.
 */
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { beforeAll, describe, expect, it } from "vitest";
import { createMemoryStore } from "../src/adapters/store/memory.ts";
import { checkStore, exportRuns, importRuns } from "../src/adapters/store/sqlite-maintenance.ts";
import { openSqliteStore, type SqliteStore } from "../src/adapters/store/sqlite.ts";
import { EXPORT_FORMAT, EXPORT_VERSION } from "../src/adapters/store/transfer.ts";
import { createExecutor } from "../src/create-executor.ts";
import type { EventBody, RunEvent } from "../src/ports/events.ts";
import type { Tool } from "../src/ports/tools.ts";
import type { Executor } from "../src/run/types.ts";
import { scriptedModel, storeViolations } from "../src/testing/index.ts";
import { allGolden, writeStore } from "./support/golden-journals.ts";
import { newFolder, openForTest } from "./support/sqlite-store.ts";
import { createWorld, makeAgent, makeTool } from "./support/world.ts";

const golden = allGolden();
/** Stopped in the middle: goes on by itself as long as it is not damaged. */
const SOUND = "sound";
const sound = JSON.parse(
  JSON.stringify(golden.get("v0.1-stopped-in-the-middle")).replaceAll("v0.1-stopped-in-the-middle", SOUND),
) as readonly RunEvent[];

const isOver = (events: readonly RunEvent[]): boolean => events.at(-1)?.type === "run.finished";

function toolsOf([started]: readonly RunEvent[]): readonly Tool[] {
  if (started?.type !== "run.started") throw new Error("a journal starts with run.started");
  const own = started.agent.tools.filter(({ name }) => !name.startsWith("agent__"));
  return own.map(({ name, effect, inputSchema }) => makeTool(name, async () => "again", { effect, inputSchema }));
}

function executorOn(store: SqliteStore): Executor {
  const agents = [makeAgent(toolsOf(sound))];
  return createExecutor({ models: scriptedModel(() => ({ text: "the end" })), store, agents });
}

interface Owner {
  readonly run: string;
  readonly epoch: number;
  readonly owner: number | null;
}

function ownersIn(file: string): readonly Owner[] {
  const db = new DatabaseSync(file, { readOnly: true });
  const rows = db.prepare(
    "SELECT r.run, h.epoch, h.owner FROM runs r JOIN heads h ON h.id = r.id WHERE r.run <> ? ORDER BY r.run",
  );
  const owners = rows.all(SOUND) as unknown as readonly Owner[];
  db.close();
  return owners;
}

/** Recovers what can be: the sound run ends, and of the others nothing was claimed. Returns why each was left out. */
async function recoverAll(file: string): Promise<ReadonlyMap<string, string>> {
  const before = ownersIn(file);
  await using store = openSqliteStore({ file });
  await using executor = executorOn(store);
  const { resumed, skipped } = await executor.recover();
  expect(resumed.map(({ run }) => run)).toEqual([SOUND]);
  expect(await resumed[0]?.result).toMatchObject({ status: "completed", output: "the end" });
  expect(ownersIn(file)).toEqual(before);
  expect(skipped.length).toBeGreaterThan(0);
  return new Map(skipped.map(({ run, reason }) => [run, reason]));
}

describe("golden journals in a store file, damaged", () => {
  let whole: string;
  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), "executus-damaged-"));
    whole = join(folder, "whole.db");
    await writeStore(whole, new Map([...golden, [SOUND, sound]]));
    return () => rmSync(folder, { recursive: true });
  });

  const OTHERS = "FROM runs r JOIN heads h ON h.id = r.id WHERE r.run <> 'sound'";
  const middle = (events: readonly RunEvent[]): number => Math.floor(events.length / 2);
  const last = (events: readonly RunEvent[]): number => events.length - 1;
  const damages: readonly [what: string, statement: string, seq: (events: readonly RunEvent[]) => number][] = [
    ["whose last event is gone", `DELETE FROM events WHERE place IN (SELECT r.id * 16777216 + h.seq ${OTHERS})`, last],
    [
      "with a flipped bit",
      `UPDATE events SET body = replace(body, '"type":"', '"type":"!') WHERE place IN (SELECT r.id * 16777216 + (h.seq + 1) / 2 ${OTHERS})`,
      middle,
    ],
    [
      "with an event missing in the middle",
      `DELETE FROM events WHERE place IN (SELECT r.id * 16777216 + (h.seq + 1) / 2 ${OTHERS})`,
      middle,
    ],
    ["without a first event", `DELETE FROM events WHERE place IN (SELECT r.id * 16777216 ${OTHERS})`, () => 0],
    [
      "that begin with their second event",
      `UPDATE events SET body = coalesce((SELECT body FROM events o WHERE o.place = events.place + 1), '{}')
        WHERE place IN (SELECT r.id * 16777216 ${OTHERS})`,
      () => 0,
    ],
  ];

  it.each(damages)(
    "%s are refused by run and seq before they are claimed, and other runs go on",
    async (_what, statement, seq) => {
      const file = join(await newFolder(), "damaged.db");
      copyFileSync(whole, file);
      const db = new DatabaseSync(file);
      db.exec(statement);
      db.close();
      const { problems } = await checkStore(file);
      expect(problems).toHaveLength(golden.size);
      for (const [run, events] of golden) expect(problems).toContainEqual(expect.objectContaining({ run, seq: seq(events) }));
      for (const [run, reason] of await recoverAll(file)) {
        expect(reason).toMatch(`The journal of run ${run} in ${file} is damaged at seq ${seq(golden.get(run) ?? [])}: `);
        expect(reason).toMatch("Run `executus store check --db");
      }
      await using store = openSqliteStore({ file });
      await using executor = executorOn(store);
      for (const run of golden.keys()) {
        await expect(executor.resume(run)).rejects.toMatchObject({ code: "journal_damaged", run, file });
        await expect(executor.result(run)).rejects.toMatchObject({ code: "journal_damaged", run });
      }
      expect((await store.runs.list({ limit: 1_000 })).length).toBe(golden.size + 1);
    },
  );
});

/** As a later version would have written it: numbers follow each other, and the checksums are true. */
function withEvent(events: readonly RunEvent[], at: number, event: object): readonly RunEvent[] {
  const before = events[at - 1];
  const added = { ...event, epoch: before?.epoch, at: before?.at, activeMs: before?.activeMs } as unknown as RunEvent;
  return events.toSpliced(at, 0, added).map((one, seq) => ({ ...one, seq }));
}

describe("golden journals that a later version went on with", () => {
  const kinds: readonly [
    what: string,
    change: (events: readonly RunEvent[]) => readonly RunEvent[],
    seq: number,
    said: string,
  ][] = [
    [
      "with a type of event that is not known here",
      (events) => withEvent(events, 1, { type: "call.delayed", call: "0.0" }),
      1,
      "the event type call.delayed is not known here",
    ],
    [
      "with a later version of an event",
      (events) => withEvent(events, 1, { type: "tool.started", v: 2, call: "0.0" }),
      1,
      "version 2 of the event type tool.started is not known here, only up to 1",
    ],
  ];
  it.each(kinds)(
    "%s are left to it by name, can be looked at, and keep nobody from going on",
    async (_what, change, seq, said) => {
      const file = join(await newFolder(), "newer.db");
      const journals = [...golden].map(([run, events]) => [run, change(events)] as const);
      await writeStore(file, new Map([...journals, [SOUND, sound]]));
      expect((await checkStore(file)).problems).toEqual([]);
      for (const [run, reason] of await recoverAll(file)) {
        expect(reason).toMatch(
          `The journal of run ${run} was written by a later version of executus; at seq ${seq}: ${said}. Go on with`,
        );
      }
      await using store = openSqliteStore({ file });
      await using executor = executorOn(store);
      for (const [run, events] of journals) {
        const code = isOver(events) ? "run_finished" : "journal_newer";
        await expect(executor.resume(run), run).rejects.toMatchObject({ code, run });
        await expect(executor.plan(run), run).rejects.toMatchObject({ code, run });
        expect((await executor.result(run)).run).toBe(run);
        expect(await executor.status(run)).toBeDefined();
      }
    },
  );

  it("are let go of when that shows only after the claim", async () => {
    const world = createWorld([{ hang: true }]);
    await world.executor.start(makeAgent([]), { input: "x", id: "r" });
    world.store.die();
    const peer = world.store.peer("memory/2");
    const claim: typeof peer.owners.claim = async (run) => {
      const later = { type: "call.delayed", call: "0.0" } as unknown as EventBody;
      await peer.journal.append({ run, epoch: 1, seq: 2, at: 0, activeMs: 0, events: [later] });
      return peer.owners.claim(run);
    };
    const next = createWorld([], { from: { ...world, store: peer }, through: (s) => ({ ...s, owners: { ...s.owners, claim } }) });
    await expect(next.executor.resume("r")).rejects.toMatchObject({
      code: "journal_newer",
      run: "r",
      message: expect.stringMatching("seq 2"),
    });
    expect(await world.store.runs.get("r")).toMatchObject({ status: "interrupted" });
  });
});

describe("journals in a store that keeps no checksums", () => {
  const body = ({ seq: _seq, epoch: _epoch, at: _at, activeMs: _active, ...rest }: RunEvent): EventBody => rest;
  const kinds: readonly [what: string, read: (events: readonly RunEvent[]) => readonly RunEvent[], seq: number, said: string][] =
    [
      ["with a hole", (events) => events.toSpliced(1, 1), 1, "the event is missing, the next one is 2"],
      [
        "without a beginning",
        (events) => events.slice(1).map((e, seq) => ({ ...e, seq })),
        0,
        "it begins with model.started instead",
      ],
      [
        "of a fenced writer",
        (events) => events.map((e) => (e.seq === 2 ? { ...e, epoch: 0 } : e)),
        2,
        "its epoch is 0, that of the",
      ],
    ];
  it.each(kinds)("%s are refused by run and seq", async (_what, change, seq, said) => {
    const memory = createMemoryStore();
    const events = golden.get("v0.1-a-person-decides")?.slice(0, 4) ?? [];
    const { epoch } = (await memory.runs.create({ run: "r", agent: "tester", at: 0, events: events.map(body) })) as {
      epoch: number;
    };
    await memory.owners.release("r", epoch);
    const store = { ...memory, journal: { ...memory.journal, read: async () => change(events) } };
    const world = createWorld([], { through: () => store });
    const error = { code: "journal_damaged", run: "r", message: expect.stringMatching(`damaged at seq ${seq}: ${said}`) };
    await expect(world.executor.resume("r")).rejects.toMatchObject(error);
    expect((await world.executor.recover()).skipped).toEqual([{ run: "r", reason: expect.stringMatching(said) }]);
    expect(await memory.runs.get("r")).toMatchObject({ status: "interrupted" });
  });
});

describe("an export that is damaged", () => {
  async function exported(): Promise<readonly string[]> {
    const file = join(await newFolder(), "whole.db");
    await writeStore(file, golden);
    await using store = openSqliteStore({ file });
    const lines: string[] = [];
    for await (const line of exportRuns(store, undefined, { blobs: false })) lines.push(line);
    return lines;
  }

  it("is refused by run and seq, and what came before it is there", async () => {
    const lines = await exported();
    const at = lines.findLastIndex((line) => line.includes('"type":"model.answered"'));
    const name = lines.slice(0, at).findLast((line) => line.startsWith('{"run"')) ?? "";
    const { run } = (JSON.parse(name) as { run: { run: string } }).run;
    const { seq } = JSON.parse(lines[at] ?? "") as { seq: number };
    const store = openForTest({ file: join(await newFolder(), "target.db") });
    const error = {
      code: "journal_damaged",
      run,
      message: `The export of run ${run} is damaged at seq ${seq} (line ${at + 1}): its checksum does not match its content`,
    };
    await expect(
      importRuns(store, lines.with(at, (lines[at] ?? "").replace("model.answered", "model.answereD"))),
    ).rejects.toMatchObject(error);
    expect((await store.runs.list({ limit: 1_000 })).length).toBeGreaterThan(0);
    expect(await importRuns(store, lines)).toMatchObject({ imported: expect.any(Number) });
    expect(await store.runs.list({ limit: 1_000 })).toHaveLength(golden.size);
  });

  it("is refused where it breaks off, with the line", async () => {
    const lines = await exported();
    const store = openForTest({ file: join(await newFolder(), "target.db") });
    const torn = [...lines.slice(0, 40), (lines[40] ?? "").slice(0, 20)];
    await expect(importRuns(store, torn)).rejects.toMatchObject({
      code: "journal_damaged",
      message: expect.stringMatching("at line 41: this is not a JSON object"),
    });
    await expect(importRuns(store, lines.slice(0, -1))).rejects.toMatchObject({
      message: expect.stringMatching("ends too soon"),
    });
  });

  it("whose checksums are true is taken, and a run in it that begins with something else is refused when it is to be driven", async () => {
    const file = join(await newFolder(), "target.db");
    const events = (golden.get("v0.1-a-person-decides") ?? []).slice(1, 4).map((event, seq) => ({ ...event, seq }));
    await writeStore(file, new Map([["r", events]]));
    const executor = executorOn(openForTest({ file }));
    for (const look of [executor.resume("r"), executor.result("r"), executor.status("r"), executor.plan("r")])
      await expect(look).rejects.toMatchObject({
        code: "journal_damaged",
        run: "r",
        message: "The journal of run r is damaged at seq 0: it begins with model.started instead of run.started",
      });
  });

  it("of a later version says which one, and what to do", async () => {
    const store = openForTest({ file: join(await newFolder(), "target.db") });
    const lines = [JSON.stringify({ format: EXPORT_FORMAT, version: EXPORT_VERSION + 1 })];
    await expect(importRuns(store, lines)).rejects.toMatchObject({
      code: "store_newer",
      message: `The export has version ${EXPORT_VERSION + 1}; this one reads versions up to ${EXPORT_VERSION}`,
      hint: expect.stringMatching("Import it with the version of executus that wrote it, or a later one."),
    });
  });
});

describe("golden journals that were cut off", () => {
  const followUp = "v0.1-follow-up";

  it("says what is missing when it goes on from a run that is not there", async () => {
    const cut = goOnFrom(followUp, golden.get(followUp)?.slice(0, -1) ?? []);
    await expect(cut).rejects.toMatchObject({ code: "thread_incomplete", run: followUp });
  });

  it.each([...golden].filter(([run]) => run !== followUp))(
    "%s goes on from every one of its events, or waits for something that has a name",
    async (run, events) => {
      for (let length = 1; length < events.length; length++) {
        const { result, found } = await goOnFrom(run, events.slice(0, length));
        expect(found, `after ${length} events`).toEqual([]);
        expect(result.status === "waiting" ? result.waitingFor : result.status, `after ${length} events`).toBeDefined();
        expect(["running", "interrupted"]).not.toContain(result.status);
      }
    },
  );
});

async function goOnFrom(run: string, events: readonly RunEvent[]) {
  const started = events[0];
  if (started?.type !== "run.started") throw new Error("a journal starts with run.started");
  const world = createWorld(() => ({ text: "the end" }), { agents: [makeAgent(toolsOf(events))] });
  const bodies = events.map(({ seq: _seq, epoch: _epoch, at: _at, activeMs: _active, ...body }) => body as EventBody);
  await world.store.runs.create({ run, agent: started.agent.name, at: started.at, events: bodies });
  await world.store.owners.release(run, 1);
  const result = await world.clock.until((await world.executor.resume(run)).result);
  return { result, found: await storeViolations(world.store) };
}
