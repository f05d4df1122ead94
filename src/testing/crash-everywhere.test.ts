/** That `crashEverywhere` finds what it promises to find: each test has a bug planted, or something forbidden put into what was played. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { defineTool } from "../adapters/tools/define-tool.ts";
import type { Agent } from "../ports/definition.ts";
import type { DeliveryAdapter } from "../ports/delivery.ts";
import type { ToolSource } from "../ports/tool-source.ts";
import type { Tool, ToolContext } from "../ports/tools.ts";
import { checkPlayed } from "./crash-checks.ts";
import { crashEverywhere } from "./crash-everywhere.ts";
import { type Played, play } from "./crash-play.ts";
import type { CrashWorld } from "./crash-scenario.ts";

const input = { type: "object", properties: { bill: { type: "integer" } }, required: ["bill"] } as const;
const script = [
  { calls: [{ name: "charge", input: { bill: 1 } }] },
  { calls: [{ name: "charge", input: { bill: 2 } }] },
  { text: "Paid." },
];

interface Charge {
  readonly key: string;
  readonly bill: number;
}

const agentOf = (...tools: readonly Tool[]): Agent => ({ name: "cashier", instructions: "Pay what you are told.", tools });
const charging = (charge: (charge: Charge) => void, more: Partial<Tool> = {}): Tool => ({
  ...defineTool({
    name: "charge",
    description: "Pays a bill.",
    input,
    execute: ({ bill }, { idempotencyKey: key }) => {
      charge({ key, bill });
      return `paid ${bill}`;
    },
  }),
  ...more,
});

/** It asks, and nobody answers; it sleeps; it pays. */
const waiting = (effect: "once" | "idempotent"): Tool =>
  charging(() => {}, {
    effect,
    execute: async (_, context) => context.ask("Now?", { deadlineMs: 5_000, fallback: "later" }),
    resume: async (_, { by }, context) => (by === "time" ? "paid" : context.sleep(1_000)),
  });

describe("crashEverywhere", () => {
  it("passes what is right, and counts", async () => {
    const report = await crashEverywhere(agentOf(charging(() => {})), script);
    // Start, two answers with intents, two results with the next model call, the last answer with the end: twice each.
    expect(report).toEqual({ points: 12, pairs: 0, unknown: 4, rerun: 0 });
    const read = await crashEverywhere(agentOf(charging(() => {}, { effect: "read" })), script);
    expect(read).toEqual({ points: 12, pairs: 0, unknown: 0, rerun: 2 });
  });

  it("stops the process that recovers as well", async () => {
    const report = await crashEverywhere(agentOf(charging(() => {})), script, { pairs: true });
    expect(report).toMatchObject({ points: 12 });
    expect(report.pairs).toBeGreaterThan(100);
  });

  it("finds an idempotent tool that ignores its key", async () => {
    let charges: Charge[] = [];
    const careless = () => {
      charges = [];
      return agentOf(charging((charge) => charges.push(charge), { effect: "idempotent" }));
    };
    await expect(crashEverywhere(careless, script, { outside: () => charges })).rejects.toThrow(
      'stopped before write 2 (append to r: tool.ended, model.started): what happened outside: [{"key":"r:0.0","bill":1}] happened more often than undisturbed',
    );
    const careful = () => {
      charges = [];
      const once = (charge: Charge) => void (charges.some(({ key }) => key === charge.key) || charges.push(charge));
      return agentOf(charging(once, { effect: "idempotent" }));
    };
    expect(await crashEverywhere(careful, script, { outside: () => charges })).toMatchObject({ unknown: 0, rerun: 2 });
  });

  it("finds a reconcile that does not see what was done", async () => {
    const blind = charging(() => {}, { reconcile: async () => ({ outcome: "not-done" }) });
    await expect(crashEverywhere(agentOf(blind), script)).rejects.toThrow(
      "execute of charge, call 0.0 of r: a `once` call ran again",
    );
  });

  it("finds a tool that does not do again what was lost", async () => {
    let charges: number[] = [];
    const forgetful = () => {
      charges = [];
      const execute = async (_: unknown, { attempt }: ToolContext) => (attempt === 1 && charges.push(1), "paid");
      return agentOf(charging(() => {}, { effect: "idempotent", execute }));
    };
    await expect(crashEverywhere(forgetful, script, { outside: () => charges })).rejects.toThrow("[1,1] did not happen");
  });

  it("finds a transcript that depends on the process", async () => {
    const chatty = charging(() => {}, { effect: "read", execute: async (_, { attempt }) => `paid by attempt ${attempt}` });
    await expect(crashEverywhere(agentOf(chatty), script)).rejects.toThrow("the transcript of r: it is not as undisturbed");
  });

  it("finds a reconcile that takes for done what never began", async () => {
    const sure = charging(() => {}, {
      reconcile: async (given) => ({ outcome: "done", result: `paid ${(given as Charge).bill}` }),
    });
    await expect(crashEverywhere(agentOf(sure), script)).rejects.toThrow(
      "reconcile of charge, call 0.0 of r: it says that the call is done, which was never begun",
    );
  });

  it("lets a call wait for one thing after another, and time pass", async () => {
    expect(await crashEverywhere(agentOf(waiting("idempotent")), script)).toMatchObject({ unknown: 0 });
    expect((await crashEverywhere(agentOf(waiting("once")), script)).unknown).toBeGreaterThan(3);
  });

  it("finds a resume that was run again though its new wait was lost", async () => {
    const scenario = { agent: agentOf(waiting("once")), script };
    const undisturbed = await play(scenario, []);
    for (let at = 0; ; at++) {
      const played = await play(scenario, [{ at, when: "before" }]);
      checkPlayed(scenario, undisturbed, played);
      if (!/tool\.suspended/.test(played.stops[0]?.write ?? "")) continue;
      const { effects } = played.effects;
      const lost = effects.slice(0, played.stops[0]?.effects).findLast(({ part }) => part === "resume");
      expect(lost).toMatchObject({ suspended: true });
      const again = { ...played.effects, effects: [...effects, ...(lost === undefined ? [] : [lost])] };
      expect(() => checkPlayed(scenario, undisturbed, { ...played, effects: again })).toThrow(
        "resume of charge, call 0.0 of r: a `once` call ran again",
      );
      return;
    }
  });

  it("says what is wrong with the scenario itself", async () => {
    const approved = agentOf(charging(() => {}, { approval: "always" }));
    await expect(crashEverywhere(approved, script)).rejects.toThrow("Say in `whenWaiting` what is done about it");
    await expect(crashEverywhere(agentOf(), [{ error: new Error("no such model") }])).rejects.toThrow(
      "undisturbed, the run is failed, not completed: no such model",
    );
    let n = 0;
    const random = charging(() => {}, { execute: async () => `${n++}` });
    await expect(crashEverywhere(agentOf(random), script)).rejects.toThrow("two undisturbed runs differ");
    await expect(crashEverywhere(agentOf(charging(() => {})), script, { only: [{ at: 99, when: "after" }] })).rejects.toThrow(
      "the run ends before it comes to this write",
    );
  });

  it("says that nothing would be tried", async () => {
    await expect(crashEverywhere(agentOf(charging(() => {})), script, { only: [] })).rejects.toThrow("`only` names no crash");
    const misspelt = [{ calls: [{ name: "chagre", input: { bill: 1 } }] }, { text: "Paid." }];
    await expect(crashEverywhere(agentOf(charging(() => {})), misspelt)).rejects.toThrow(
      "the script calls the tool chagre, which the agent does not have (did you mean charge?). If it is meant to, say `mayCallUnknown: true`",
    );
    await expect(crashEverywhere(agentOf(), misspelt)).rejects.toThrow("which the agent does not have (there are none)");
    expect(await crashEverywhere(agentOf(charging(() => {})), misspelt, { mayCallUnknown: true })).toMatchObject({ unknown: 0 });
    const begin = async ({ executor }: CrashWorld) => ({ ...(await executor.run(agentOf(), "")), status: "completed" as const });
    await expect(crashEverywhere(agentOf(), script, { begin })).rejects.toThrow("nothing was written to the store");
  });

  it("helps a run that waits, in each process", async () => {
    const approved = agentOf(charging(() => {}, { approval: "always" }));
    const report = await crashEverywhere(approved, script, {
      whenWaiting: async ({ executor }, { run, waitingFor }) => {
        if (waitingFor?.kind !== "approval") return;
        for (const { id } of waitingFor.waits) await executor.send(run, { kind: "approve", approval: id }, { id });
      },
    });
    expect(report.points).toBeGreaterThan(20);
  });

  it("says where `afterwards` failed", async () => {
    const failing = crashEverywhere(agentOf(charging(() => {})), script, {
      afterwards: ({ process }) => expect(process).toBe(1),
    });
    await expect(failing).rejects.toThrow(/^stopped before write 0 \(create r: run\.started.*\): expected 2 to be 1/);
  });

  it("lets models, policies, sources and adapters do real things, in real time", async () => {
    const slowly = async <T>(value: T): Promise<T> => (await delay(5), value);
    const source: ToolSource = { name: "box", open: () => slowly({ tools: [] }), cleanup: () => slowly(undefined) };
    const post: DeliveryAdapter = { kind: "post", deliver: () => slowly({ outcome: "delivered" }) };
    const policy = charging(() => {}, { effect: "read", approval: () => slowly(false) });
    const slow = { ...agentOf(policy), sources: [source], limits: { timeMs: 10, settleMs: 10 } };
    const report = await crashEverywhere(slow, ({ step }) => slowly(script[step] ?? {}), {
      request: { delivery: { kind: "post" } },
      config: { delivery: { adapters: [post], timeoutMs: 10 } },
    });
    expect(report).toMatchObject({ unknown: 0 });
  });

  it("lets tools do real things, in real time", async () => {
    const folder = mkdtempSync(join(tmpdir(), "executus-kit-"));
    const file = join(folder, "bills.txt");
    try {
      const slow = charging(() => {}, {
        effect: "read",
        timeoutMs: 5,
        execute: async () => {
          writeFileSync(file, "paid");
          await delay(10);
          return readFile(file, "utf8");
        },
      });
      const report = await crashEverywhere(agentOf(slow), script.slice(1));
      expect(report).toMatchObject({ points: 8, unknown: 0 });
      expect(readFileSync(file, "utf8")).toBe("paid");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("what is checked of each crash", () => {
  const scenario = { agent: agentOf(charging(() => {}, { effect: "read" })), script };
  const crash = { at: 3, when: "after" } as const;
  const doctored = async (change: (played: Played) => Partial<Played>): Promise<() => void> => {
    const undisturbed = await play(scenario, []);
    const played = await play(scenario, [crash]);
    checkPlayed(scenario, undisturbed, played);
    return () => checkPlayed(scenario, undisturbed, { ...played, ...change(played) });
  };

  it.each<[string, (played: Played) => Partial<Played>]>([
    [
      "an answer that was committed was asked for again",
      ({ modelCalls }) => ({ modelCalls: [modelCalls[0] ?? [], [...(modelCalls[0] ?? []), ...(modelCalls[1] ?? [])]] }),
    ],
    ["a call whose result was committed ran again", ({ stops }) => ({ stops: stops.map((stop) => ({ ...stop, effects: 0 })) })],
    [
      "invariant 9 does not hold for r: it says 3",
      () => ({ violations: [{ invariant: 9 as const, run: "r", message: "it says 3" }] }),
    ],
    ["has not ended", (played) => ({ runs: withEvents(played, (events) => events.slice(0, -1)) })],
    ["killed instead of completed", ({ result }) => ({ result: { ...result, status: "killed" } })],
    [
      "other deliveries",
      ({ outbox }) => ({
        outbox: [
          ...outbox,
          {
            id: "r.d0",
            run: "r",
            status: "pending",
            target: { kind: "post" },
            attempts: 0,
            failures: 0,
            createdAt: 0,
            updatedAt: 0,
          },
        ],
      }),
    ],
  ])("%s", async (message, change) => {
    expect(await doctored(change)).toThrow(message);
  });
});

type Events = Played["runs"] extends ReadonlyMap<string, { readonly events: infer E }> ? E : never;

function withEvents({ runs }: Played, change: (events: Events) => Events): Played["runs"] {
  return new Map(
    [...runs].map(([run, played]) => {
      const events = change(played.events);
      return [run, { ...played, events, row: { ...played.row, seq: events.length - 1 } }];
    }),
  );
}
