/**
 * `once` calls whose process stops in the middle of them, and whose next process stops while it finds out what became of them, or
 * while they are run again: each doubt is resolved in its own way, and only what nobody has done is done again.
 */
import { describe, expect, it } from "vitest";
import type { RunEvent } from "../../src/ports/events.ts";
import type { Tool, ToolContext } from "../../src/ports/tools.ts";
import type { RunResult } from "../../src/run/types.ts";
import { crashReport, type Scenario } from "../support/crash-points.ts";
import { makeTool, type World } from "../support/world.ts";

type Effects = string[];

const pay = (effects: Effects, more: Partial<Tool>): Tool =>
  makeTool("pay", async (_, { idempotencyKey }) => (effects.push(idempotencyKey), "paid"), more);

const look =
  (effects: Effects) =>
  async (_: unknown, { idempotencyKey }: ToolContext) =>
    effects.includes(idempotencyKey) ? ({ outcome: "done", result: "paid" } as const) : ({ outcome: "not-done" } as const);

const cannotTell = async () => ({ outcome: "unknown" }) as const;

/** Whoever is paid looks at the key. */
const payAgain = (effects: Effects, more: Partial<Tool> = {}): Tool =>
  makeTool(
    "pay",
    async (_, { idempotencyKey: key }) => {
      if (!effects.includes(key)) effects.push(key);
      return "paid";
    },
    { onUnknown: "rerun", ...more },
  );

/** Looks before it says what became of a call, each time that the call is in doubt. */
function person(effects: Effects) {
  return async ({ executor, store }: World, { run, waitingFor }: RunResult): Promise<void> => {
    if (waitingFor?.kind !== "resolution") return;
    const events = await store.journal.read(run);
    for (const { id: call, doubt = 1 } of waitingFor.waits) {
      const goes = ofCall(events, call).filter((type) => type === "tool.started").length;
      expect(doubt).toBe(goes);
      // What was said of earlier doubts comes once more, late.
      for (let earlier = 1; earlier < doubt; earlier++)
        await executor.send(run, { kind: "resolve", call, outcome: "retry", doubt: earlier }, { id: `${call}:late-${earlier}` });
      const isDone = effects.includes(`${run}:${call}`);
      const outcome = isDone ? ({ outcome: "done", output: "paid" } as const) : ({ outcome: "retry" } as const);
      await executor.send(run, { kind: "resolve", call, doubt, ...outcome }, { id: `${call}:go-${goes}` });
    }
  };
}

/** What happened to a call, and to its process while it was open. */
function ofCall(events: readonly RunEvent[], call: string): readonly string[] {
  const isOf = (event: RunEvent): boolean => "call" in event && event.call === call;
  const first = events.findIndex((event) => event.type === "tool.started" && isOf(event));
  const last = events.findLastIndex(isOf);
  const open = first < 0 ? [] : events.slice(first, last + 1);
  return open.filter((event) => event.type === "attempt.started" || isOf(event)).map(({ type }) => type);
}

interface Way {
  readonly tool: (effects: Effects) => Tool;
  /**
   * What must have happened to a call in some of the plays: its second process stopped while it was in doubt, and the second time that
   * it ran its process stopped again. Short for `tool.started` and so on; a wait is ended by another attempt.
   */
  readonly courses: readonly string[];
}

const ways: Readonly<Record<string, Way>> = {
  "reconcile looks": {
    tool: (effects) => pay(effects, { reconcile: look(effects) }),
    courses: [
      "started, attempt, attempt, ended",
      "started, attempt, attempt, reconciled, started, ended",
      "started, attempt, reconciled, started, attempt, ended",
      "started, attempt, reconciled, started, attempt, reconciled, started, ended",
    ],
  },
  "the model is told": { tool: (effects) => pay(effects, {}), courses: ["started, attempt, attempt, ended"] },
  "reconcile cannot tell, and the model is told": {
    tool: (effects) => pay(effects, { reconcile: cannotTell }),
    courses: ["started, attempt, attempt, reconciled, ended"],
  },
  "a person is asked": {
    tool: (effects) => pay(effects, { onUnknown: "ask" }),
    courses: [
      "started, attempt, attempt, attempt, resolved",
      "started, attempt, attempt, attempt, resolved, started, ended",
      "started, attempt, attempt, resolved, started, attempt, attempt, resolved",
      "started, attempt, attempt, resolved, started, attempt, attempt, resolved, started, ended",
    ],
  },
  "reconcile cannot tell, and a person is asked": {
    tool: (effects) => pay(effects, { onUnknown: "ask", reconcile: cannotTell }),
    courses: [
      "started, attempt, attempt, reconciled, attempt, resolved",
      "started, attempt, reconciled, attempt, attempt, resolved, started, ended",
      "started, attempt, reconciled, attempt, resolved, started, attempt, reconciled, attempt, resolved",
    ],
  },
  "it runs again": {
    tool: (effects) => payAgain(effects),
    courses: [
      "started, attempt, attempt, reconciled, started, ended",
      "started, attempt, reconciled, started, attempt, reconciled, started, ended",
    ],
  },
  "reconcile cannot tell, and it runs again": {
    tool: (effects) => payAgain(effects, { reconcile: cannotTell }),
    courses: [
      "started, attempt, attempt, reconciled, reconciled, started, ended",
      "started, attempt, reconciled, reconciled, started, attempt, reconciled, reconciled, started, ended",
    ],
  },
};

/** The courses that the first call took, over all moments to stop at. */
async function stopTwice(tool: (effects: Effects) => Tool, calls: number): Promise<ReadonlySet<string>> {
  const courses = new Set<string>();
  let effects: Effects = [];
  const scenario: Scenario = {
    script: [{ calls: Array.from({ length: calls }, (_, n) => ({ name: "pay", input: { n } })) }, { text: "end" }],
    tools: (given) => [tool((effects = given))],
    whenWaiting: (world, result) => person(effects)(world, result),
    pairs: true,
    afterwards: async ({ store }) => {
      const types = ofCall(await store.journal.read("r"), "0.0");
      expect(effects).toEqual([...new Set(effects)]);
      courses.add(types.map((type) => (type === "attempt.started" ? "attempt" : type.replace(/^\w+\./, ""))).join(", "));
    },
  };
  await crashReport(scenario);
  return courses;
}

describe.each(Object.entries(ways))("a `once` call in doubt, of which %s", (_way, { tool, courses }) => {
  it.each([1, 2])("is resolved all the same when its second process stops too, %i at once", async (calls) => {
    expect([...(await stopTwice(tool, calls))]).toEqual(expect.arrayContaining([...courses]));
  });
});
