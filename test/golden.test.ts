/** Journals written by earlier versions: every one must fold to what it folded to then, and every unfinished one must go on. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createMemoryStore } from "../src/adapters/store/memory.ts";
import type { EventBody, EventType, RunEvent } from "../src/ports/events.ts";
import { createFakeClock } from "../src/testing/fake-clock.ts";
import { createMemoryBlobs } from "../src/adapters/blobs/memory.ts";
import { viewOf } from "./support/golden-view.ts";
import { satisfy } from "./support/golden-waiting.ts";
import { createWorld, makeAgent, makeTool } from "./support/world.ts";

const root = join(import.meta.dirname, "golden");
const versions = readdirSync(root);
const read = (version: string, name: string): readonly RunEvent[] =>
  readFileSync(join(root, version, name), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as RunEvent);
const journals = versions.flatMap((version) =>
  readdirSync(join(root, version))
    .filter((name) => name.endsWith(".jsonl"))
    .map((name) => [version, name] as const),
);

/** Exhaustive by type: a new event without a golden journal does not compile, then fails here. */
const EVERY_EVENT: Readonly<Record<EventType, true>> = {
  "run.started": true,
  "durability.lost": true,
  "attempt.started": true,
  "run.dequeued": true,
  "model.started": true,
  "model.answered": true,
  "model.failed": true,
  "tool.started": true,
  "tool.reconciled": true,
  "tool.interrupted": true,
  "tool.ended": true,
  "steer.received": true,
  "cancel.requested": true,
  "limits.extended": true,
  "call.resolved": true,
  "child.started": true,
  "child.parked": true,
  "child.ended": true,
  "compaction.requested": true,
  "compaction.failed": true,
  "context.compacted": true,
  "limit.reached": true,
  "budget.refused": true,
  "guard.tripped": true,
  "stall.noticed": true,
  "supervisor.decided": true,
  "tools.missing": true,
  "approval.requested": true,
  "approval.answered": true,
  "question.asked": true,
  "question.answered": true,
  "tool.suspended": true,
  "tool.woken": true,
  "signal.received": true,
  "answer.refused": true,
  "wait.expired": true,
  "source.opened": true,
  "source.failed": true,
  "source.changed": true,
  "source.decided": true,
  "source.settled": true,
  "source.closed": true,
  "run.forked": true,
  "agent.changed": true,
  "agent.adopted": true,
  "agent.decided": true,
  "artifact.added": true,
  "phase.started": true,
  "phase.ended": true,
  "output.refused": true,
  "run.settling": true,
  "run.finished": true,
};

describe("golden journals", () => {
  it("hold every event type", () => {
    const seen = new Set(journals.flatMap(([version, name]) => read(version, name).map((event) => event.type)));
    expect(Object.keys(EVERY_EVENT).filter((type) => !seen.has(type as EventType))).toEqual([]);
  });

  it.each(journals)("%s/%s folds to what it folded to when it was written", (version, name) => {
    const expected: unknown = JSON.parse(readFileSync(join(root, version, name.replace(".jsonl", ".view.json")), "utf8"));
    expect(viewOf(read(version, name))).toEqual(expected);
  });

  it.each(journals)("%s/%s keeps fields it does not know, and events it does not know change nothing", async (version, name) => {
    const events = read(version, name);
    const strange = { ...events[0], type: "future.happened", detail: { x: 1 } } as unknown as RunEvent;
    const last = events.at(-1);
    expect(
      viewOf([...events, { ...strange, seq: last?.seq ?? 0, epoch: last?.epoch ?? 0, activeMs: last?.activeMs ?? 0 }]),
    ).toEqual(viewOf(events));
    const store = await importInto(events.map((event) => ({ ...event, fromTheFuture: [1, { two: 2 }] })));
    const back = await store.journal.read("golden");
    expect(
      back.every((event) => JSON.stringify((event as unknown as { fromTheFuture: unknown }).fromTheFuture) === '[1,{"two":2}]'),
    ).toBe(true);
  });

  const unfinished = journals.filter(([version, name]) => read(version, name).at(-1)?.type !== "run.finished");

  it("include unfinished ones", () => {
    expect(unfinished.length).toBeGreaterThanOrEqual(3);
  });

  it.each(unfinished)("S37 %s/%s goes on to its end", async (version, name) => {
    const events = read(version, name);
    const started = events[0];
    if (started?.type !== "run.started") throw new Error("a journal starts with run.started");
    const tools = started.agent.tools.map((tool) =>
      makeTool(tool.name, async () => "again", { effect: tool.effect, onUnknown: tool.onUnknown, inputSchema: tool.inputSchema }),
    );
    const clock = createFakeClock();
    const store = await importInto(events, () => clock.now());
    const agent = makeAgent(tools);
    const world = createWorld(() => ({ text: "the end" }), {
      agents: [agent],
      from: { clock, store, blobs: createMemoryBlobs() },
    });
    let result = await world.clock.until((await world.executor.resume("golden")).result);
    while (result.status === "waiting") {
      await satisfy(world, result);
      result = await world.clock.until((await world.executor.start(agent, { input: "Go on.", id: "golden" })).result);
    }
    expect(result).toMatchObject({ status: "completed", output: "the end" });
  });
});

async function importInto(events: readonly RunEvent[], now?: () => number): Promise<ReturnType<typeof createMemoryStore>> {
  const store = createMemoryStore(now === undefined ? {} : { now });
  const created = await store.runs.create({ run: "golden", agent: "tester", at: events[0]?.at ?? 0, events: bodies(events) });
  if (!created.created) throw new Error("the run is there already");
  await store.owners.release("golden", created.epoch);
  return store;
}

function bodies(events: readonly RunEvent[]): readonly EventBody[] {
  return events.map(({ seq: _seq, epoch: _epoch, at: _at, activeMs: _active, ...body }) => body as EventBody);
}
