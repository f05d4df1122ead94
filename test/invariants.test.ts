import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { EventHeader, RunEvent } from "../src/ports/events.ts";
import type { DeliveryRow, PendingEntry, RunRow } from "../src/ports/store.ts";
import { assertInvariants, readRecord, type RunRecord, storeViolations, violations } from "../src/testing/invariants.ts";
import { createWorld, makeAgent, makeTool } from "./support/world.ts";

const folder = join(import.meta.dirname, "golden/v0.1");
const read = (name: string): RunEvent[] =>
  readFileSync(join(folder, name), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as RunEvent);
const journals = readdirSync(folder).filter((name) => name.endsWith(".jsonl"));

/** As in a journal that was damaged on the way, numbered anew: only what was done to it is wrong with it. */
const renumbered = (events: readonly RunEvent[]): RunEvent[] => events.map((event, seq) => ({ ...event, seq }));
const at = (events: readonly RunEvent[], type: RunEvent["type"]): number => {
  const index = events.findIndex((event) => event.type === type);
  if (index < 0) throw new Error(`there is no ${type}`);
  return index;
};
const without = (events: readonly RunEvent[], type: RunEvent["type"]): RunEvent[] =>
  renumbered(events.toSpliced(at(events, type), 1));
const twice = (events: readonly RunEvent[], type: RunEvent["type"]): RunEvent[] => {
  const index = at(events, type);
  return renumbered([...events.slice(0, index + 1), ...events.slice(index)]);
};
const patched = (events: readonly RunEvent[], type: RunEvent["type"], change: object): RunEvent[] =>
  events.with(at(events, type), { ...events[at(events, type)], ...change } as RunEvent);
const after = (events: readonly RunEvent[], type: RunEvent["type"], more: object): RunEvent[] => {
  const index = at(events, type);
  return renumbered([...events.slice(0, index + 1), { ...events[index], ...more } as RunEvent, ...events.slice(index + 1)]);
};

describe("the invariants", () => {
  it.each(journals)("hold for the golden journal %s", (name) => {
    expect(violations({ events: read(name) })).toEqual([]);
  });

  const answered = read("answered.jsonl");
  const reconciled = read("crash-in-a-call-that-had-not.jsonl");
  const queued = read("queued-then-driven.jsonl");
  const steered = read("steered-and-extended.jsonl");
  const approved = read("approved-with-other-arguments.jsonl");
  const children = read("delegates-answer-and-fail.jsonl");
  const tokens = read("tokens-run-out.jsonl");

  it.each<[string, number, RunEvent[], string]>([
    ["a gap", 1, answered.toSpliced(2, 1), "the event after 1 has sequence number 3"],
    ["an event twice", 1, [...answered.slice(0, 3), ...answered.slice(2)], "the event after 2 has sequence number 2"],
    [
      "an epoch that goes back",
      1,
      patched(reconciled, "tool.reconciled", { epoch: 1 }),
      "has epoch 1, and the event before it 2",
    ],
    ["an epoch without its attempt", 1, without(reconciled, "attempt.started"), "epoch 2 begins with tool.reconciled"],
    ["a journal without its beginning", 1, answered.slice(1), "its first event is"],
    ["a call started twice", 2, twice(reconciled, "tool.started"), "is started while it is under way"],
    ["a call repeated in doubt", 2, without(reconciled, "tool.reconciled"), "is repeated, and nobody knows"],
    ["two results", 2, twice(reconciled, "tool.ended"), "is a second result of the call 0.0"],
    ["a result of nothing", 2, patched(reconciled, "tool.ended", { call: "9.0" }), "which the last answer does not have"],
    ["a result without a start", 2, without(queued, "tool.started"), "has a result and was never started"],
    ["a step answered twice", 2, twice(answered, "model.answered"), "it answers step 0, and step 1 is next"],
    ["a child handed on twice", 2, twice(children, "child.started"), "is handed on a second time"],
    ["a call left open", 3, without(reconciled, "tool.ended"), "the call 0.0 of pay has no result"],
    ["an event after the end", 4, [...answered, { ...at0(answered), seq: answered.length }], "follows the terminal event"],
    [
      "an event while settling",
      4,
      after(answered, "run.settling", { type: "limit.reached" }),
      "limit.reached follows run.settling",
    ],
    ["an end without settling", 4, without(answered, "run.settling"), "run.finished without run.settling"],
    [
      "two ways to end",
      4,
      patched(answered, "run.finished", { status: "failed" }),
      "settled as completed and finished as failed",
    ],
    ["time that goes back", 5, patched(answered, "run.started", { activeMs: 5 }), "running time went back from 5"],
    ["a call beyond the tokens", 5, limited(tokens, { tokens: 1 }), "tokens"],
    ["a step too many", 5, limited(answered, { maxSteps: 1 }), "a model call begins after 1 of 1 steps"],
    ["money that is used up", 5, limited(answered, { costUsd: 0.000001 }), "a model call begins after $"],
    ["more kept than there is", 5, kept(children, 1e9), "are used or kept for children"],
    ["a message taken twice", 7, twice(steered, "steer.received"), "takes the inbox entry"],
    ["an approval used twice", 7, after(approved, "approval.answered", { id: "other" }), "takes the answer to"],
  ])("are broken by %s (%i)", (_what, invariant, events, message) => {
    const found = violations({ events });
    expect(found.map((violation) => violation.invariant)).toContain(invariant);
    expect(found.find((violation) => violation.invariant === invariant)?.message).toContain(message);
  });

  function at0(events: readonly RunEvent[]): RunEvent {
    return { ...(events.at(-2) as RunEvent), type: "guard.tripped", guard: "repeat", action: "hint", message: "" };
  }

  function limited(events: readonly RunEvent[], limits: object): RunEvent[] {
    const first = events[0];
    if (first?.type !== "run.started") throw new Error("no start");
    return events.with(0, { ...first, limits: { ...first.limits, ...limits } });
  }

  function kept(events: readonly RunEvent[], amount: number): RunEvent[] {
    return limited(patched(events, "child.started", { tokens: amount }), { tokens: 1000 });
  }
});

describe("the invariants of what is kept beside a journal", () => {
  async function finished(): Promise<RunRecord & { readonly row: RunRow }> {
    const world = createWorld([{ calls: [{ name: "pay" }] }, { text: "done" }]);
    await world.clock.until(world.executor.run(makeAgent([makeTool("pay", async () => "paid")]), { input: "x", id: "r" }));
    const record = await readRecord(world.store, "r");
    if (record.row === undefined) throw new Error("no row");
    return { ...record, row: record.row };
  }

  const numbers = (record: RunRecord): number[] => violations(record).map(({ invariant }) => invariant);

  it("hold for a run that has ended", async () => {
    expect(violations(await finished())).toEqual([]);
  });

  it("name the run, the event and what is wrong", async () => {
    const record = await finished();
    expect(() => assertInvariants({ ...record, row: { ...record.row, step: 7 } })).toThrow(
      "invariant 9 does not hold for r at seq 8: its row has step 7, and its journal says 2",
    );
  });

  it("are broken by a row that says something else (9)", async () => {
    const record = await finished();
    for (const wrong of [
      { seq: 3 },
      { status: "failed" as const },
      { tokens: 0 },
      { costUsd: "unknown" as const },
      { agent: "x" },
    ])
      expect(numbers({ ...record, row: { ...record.row, ...wrong } }), JSON.stringify(wrong)).toEqual([9]);
  });

  it("are broken by a run that nobody owns and nobody will find (6)", async () => {
    const record = await finished();
    const events = record.events.slice(0, 4);
    const row: RunRow = { ...record.row, seq: 3, step: 1, tokens: 15, costUsd: 0.00002, status: "interrupted" };
    expect(numbers({ events, row, isOrphan: true })).toEqual([]);
    expect(numbers({ events, row, isOrphan: false })).toEqual([6]);
    expect(numbers({ events, row: { ...row, owner: "here/1", status: "running" }, isOrphan: false })).toEqual([]);
    expect(numbers({ events, row: { ...row, status: "running" }, isOrphan: false })).toContain(6);
  });

  it("are broken by an inbox that still has what was taken, or outlives its run (7)", async () => {
    const record = await finished();
    const entry: PendingEntry = { id: "s", position: 1, kind: "steer", content: [] };
    expect(numbers({ ...record, inbox: [entry] })).toEqual([7]);
    const steered = record.events.toSpliced(1, 1, { ...headerOf(at1(record)), type: "steer.received", id: "s", content: [] });
    expect(violations({ events: steered.slice(0, 2), inbox: [entry] })).toMatchObject([{ invariant: 7, seq: 1 }]);
  });

  it("are broken by a delivery too many, or too few (8)", async () => {
    const record = await finished();
    const delivery = { id: "r.d0", run: "r" } as DeliveryRow;
    expect(numbers({ ...record, outbox: [delivery] })).toEqual([8]);
    const events = withDelivery(record.events);
    expect(numbers({ ...record, events, outbox: [delivery] })).toEqual([]);
    expect(numbers({ ...record, events, outbox: [] })).toEqual([8]);
    expect(numbers({ ...record, events, outbox: [delivery, delivery] })).toEqual([8]);
    expect(numbers({ events: events.slice(0, 4), outbox: [delivery] })).toEqual([8]);
  });

  it("are broken by a child whose end was told with other figures (5)", () => {
    const events = read("delegates-answer-and-fail.jsonl");
    const end = events.find((event) => event.type === "child.ended" && event.id !== undefined);
    if (end?.type !== "child.ended") throw new Error("no child");
    const child = read("answered.jsonl").map((event) => (event.type === "run.started" ? { ...event, run: end.run } : event));
    expect(violations({ events, children: [{ events: child }] })).toMatchObject([{ invariant: 5, seq: end.seq }]);
    expect(violations({ events, children: [{ events: child.slice(0, -1) }] })).toMatchObject([
      { invariant: 5, message: `the child ${end.run} has not ended` },
    ]);
  });

  it("count a journal that its store finds damaged as broken (1)", async () => {
    const world = createWorld([{ text: "done" }]);
    await world.clock.until(world.executor.run(makeAgent([]), { input: "x", id: "r" }));
    const { ExecutusError } = await import("../src/kernel/errors.ts");
    const damaged = new ExecutusError("journal_damaged", "event 2 of run r does not fit its checksum");
    const store = { ...world.store, journal: { ...world.store.journal, read: () => Promise.reject(damaged) } };
    expect(await storeViolations(store)).toEqual([{ invariant: 1, run: "r", message: damaged.message }]);
    expect(await storeViolations(world.store)).toEqual([]);
  });

  function headerOf({ seq, epoch, at, activeMs }: RunEvent): EventHeader {
    return { seq, epoch, at, activeMs };
  }

  function at1({ events }: RunRecord): RunEvent {
    return events[1] as RunEvent;
  }

  function withDelivery(events: readonly RunEvent[]): RunEvent[] {
    const first = events[0];
    if (first?.type !== "run.started") throw new Error("no start");
    return events.with(0, { ...first, request: { ...first.request, delivery: [{ kind: "file", id: "x" }] } });
  }
});
