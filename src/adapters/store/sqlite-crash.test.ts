import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { batch, epochOf, newRun } from "../../testing/store-conformance-data.ts";
import type { ClaimResult } from "../../ports/store.ts";
import { checkStore } from "./sqlite-maintenance.ts";
import { newFolder, openForTest, startChild } from "../../../test/support/sqlite-store.ts";

const APPENDS_FOR_EVER = (file: string, name: string): string => `
  const store = openSqliteStore({ file: ${JSON.stringify(file)} });
  await Promise.all([0, 1, 2, 3].map(async (i) => {
    const run = "${name}-" + i;
    await store.runs.create(newRun(run));
    say(run + " 0");
    for (let seq = 1; ; seq++) {
      const result = await store.journal.append(batch(run, seq));
      if (!result.ok) throw new Error(run + " " + JSON.stringify(result));
      say(run + " " + seq);
    }
  }));
`;

describe("a SQLite store whose process is killed", () => {
  it("has everything that it acknowledged, dense and unbroken, after kill -9 at any moment", { timeout: 60_000 }, async () => {
    const file = join(await newFolder(), "store.db");
    for (const [round, lines] of [1, 7, 40, 150, 400].entries()) {
      const child = startChild(APPENDS_FOR_EVER(file, `round${round}`));
      const acknowledged = new Map<string, number>();
      for (let i = 0; i < lines; i++) {
        const [run = "", seq] = (await child.line()).split(" ");
        acknowledged.set(run, Number(seq));
      }
      child.process.kill("SIGKILL");
      await child.ended;

      const store = openForTest({ file });
      for (const [run, seq] of acknowledged) {
        const events = await store.journal.read(run);
        expect(events.length).toBeGreaterThan(seq);
        expect(events.map((event) => event.seq)).toEqual(events.map((_, i) => i));
        expect(await store.owners.claim(run)).toMatchObject({ ok: true, epoch: 2, after: "crash" });
      }
      await store[Symbol.asyncDispose]();
    }
    expect((await checkStore(file)).problems).toEqual([]);
  });

  it("charges the run up to the last heartbeat of the dead process, and not for the time nobody drove it", async () => {
    const file = join(await newFolder(), "store.db");
    const child = startChild(`
      const store = openSqliteStore({ file: ${JSON.stringify(file)}, heartbeatMs: 20 });
      await store.runs.create({ ...newRun("r"), at: Date.now() - 1000 });
      say("made");
      await hear();
    `);
    await child.line();
    const store = openForTest({ file });
    child.process.kill("SIGKILL");
    await child.ended;
    const tomorrow = openForTest({ file, clock: { now: () => Date.now() + 86_400_000 } });
    await store[Symbol.asyncDispose]();
    const claim = await tomorrow.owners.claim("r");
    expect(claim).toMatchObject({ ok: true, after: "crash" });
    expect(claim.ok && claim.activeMs).toBeGreaterThanOrEqual(1_000);
    expect(claim.ok && claim.activeMs).toBeLessThan(60_000);
  });
});

describe("a SQLite store whose process dies after the wall clock was set", () => {
  const DAY_MS = 86_400_000;

  const beats = [
    [DAY_MS, "with a heartbeat since", 20],
    [-DAY_MS, "with a heartbeat since", 20],
    [DAY_MS, "before the next heartbeat", 60_000],
    [-DAY_MS, "before the next heartbeat", 60_000],
  ] as const;

  it.each(beats)("charges the run for no time that did not pass (%i ms, %s)", async (jump, _when, heartbeatMs) => {
    const file = join(await newFolder(), "store.db");
    const child = startChild(`
      let jump = 0;
      const uptime = () => { const [s, ns] = process.hrtime(); return s * 1000 + Math.floor(ns / 1e6); };
      const store = openSqliteStore({ file: ${JSON.stringify(file)}, heartbeatMs: ${heartbeatMs}, clock: { now: () => Date.now() + jump, uptime } });
      await store.runs.create(newRun("before"));
      jump = ${jump};
      await store.runs.create({ ...newRun("after"), at: Date.now() + jump });
      jump += 100_000;
      say("made");
      await hear();
    `);
    await child.line();
    if (heartbeatMs === 20) await nextHeartbeat(file);
    child.process.kill("SIGKILL");
    await child.ended;
    const uptime = (): number => Math.floor(process.uptime() * 1_000);
    const store = openForTest({ file, clock: { now: () => Date.now() + Math.max(0, jump), uptime } });
    for (const run of ["before", "after"]) {
      const claim = await store.owners.claim(run);
      expect(claim).toMatchObject({ ok: true, after: "crash" });
      expect(claim.ok && claim.activeMs, run).toBeLessThan(60_000);
    }
  });
});

describe("two processes on one SQLite file", () => {
  it("race for a run: one gets it, the other is told who", async () => {
    const file = join(await newFolder(), "store.db");
    const store = openForTest({ file });
    const script = `
      const store = openSqliteStore({ file: ${JSON.stringify(file)} });
      say("ready");
      for (;;) {
        const run = await hear();
        say(JSON.stringify({ self: store.owners.self, claim: await store.owners.claim(run) }));
      }
    `;
    const children = [startChild(script), startChild(script)];
    await Promise.all(children.map((child) => child.line()));
    for (let i = 0; i < 20; i++) {
      await store.runs.create(newRun(`r${i}`));
      await store.owners.release(`r${i}`, 1);
      for (const child of children) child.tell(`r${i}`);
      const answers = await Promise.all(children.map(async (child) => JSON.parse(await child.line()) as Answer));
      const winner = answers.find((answer) => answer.claim.ok);
      const loser = answers.find((answer) => !answer.claim.ok);
      expect(winner?.claim).toMatchObject({ epoch: 2, after: "released" });
      expect(loser?.claim).toEqual({ ok: false, reason: "owned", owner: winner?.self });
    }
  });

  it("fence a process that was stopped, taken over, and woke up; it can go on with other runs", { timeout: 60_000 }, async () => {
    const file = join(await newFolder(), "store.db");
    const child = startChild(`
      const store = openSqliteStore({ file: ${JSON.stringify(file)}, heartbeatMs: 200 });
      await store.runs.create(newRun("r"));
      say("made");
      await hear();
      say(JSON.stringify(await store.journal.append(batch("r", 1))));
      say(JSON.stringify(await store.runs.create(newRun("new"))));
      say(JSON.stringify(await store.journal.append(batch("new", 1))));
      await hear();
    `);
    await child.line();
    const store = openForTest({ file, leaseMs: 1_000 });
    expect(await store.owners.claim("r")).toMatchObject({ ok: false, owner: expect.stringContaining(`/${child.process.pid}`) });
    // Right after a heartbeat, so that it does not stop inside a write and hold its lock.
    await nextHeartbeat(file);
    child.process.kill("SIGSTOP");
    let claim: ClaimResult = { ok: false, reason: "unknown" };
    while (!claim.ok) {
      claim = await store.owners.claim("r");
      await delay(20);
    }
    expect(claim).toMatchObject({ epoch: 2, after: "crash" });
    expect(await store.journal.append(batch("r", { epoch: epochOf(claim) }))).toEqual({ ok: true });
    child.process.kill("SIGCONT");
    child.tell("go");
    expect(JSON.parse(await child.line())).toEqual({ ok: false, reason: "fenced" });
    expect(JSON.parse(await child.line())).toEqual({ created: true, epoch: 1 });
    expect(JSON.parse(await child.line())).toEqual({ ok: true });
    expect(await store.owners.claim("new")).toMatchObject({ reason: "owned" });
    expect((await store.journal.read("r")).map((event) => event.epoch)).toEqual([1, 2]);
  });

  it("make the same new file at once", { timeout: 60_000 }, async () => {
    const file = join(await newFolder(), "new", "store.db");
    const children = [0, 1, 2, 3].map((i) =>
      startChild(`
        say("ready");
        await hear();
        const store = openSqliteStore({ file: ${JSON.stringify(file)} });
        say(JSON.stringify(await store.runs.create(newRun("r${i}"))));
        await hear();
      `),
    );
    await Promise.all(children.map((child) => child.line()));
    for (const child of children) child.tell("go");
    for (const child of children) expect(JSON.parse(await child.line())).toEqual({ created: true, epoch: 1 });
    expect((await openForTest({ file, readOnly: true }).runs.list()).map((row) => row.run).toSorted()).toEqual([
      "r0",
      "r1",
      "r2",
      "r3",
    ]);
  });
});

async function nextHeartbeat(file: string): Promise<void> {
  const db = new DatabaseSync(file, { readOnly: true });
  const select = db.prepare("SELECT max(heartbeat_at) AS at FROM processes");
  const before = select.get()?.["at"];
  while (select.get()?.["at"] === before) await delay(5);
  db.close();
}

interface Answer {
  readonly self: string;
  readonly claim: ClaimResult;
}
