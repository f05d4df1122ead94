import { describe, expect, it } from "vitest";
import type { RunEvent } from "../src/ports/events.ts";
import type { AppendRequest, AppendResult, Store } from "../src/ports/store.ts";
import { defineTool } from "../src/adapters/tools/define-tool.ts";
import type { Reconciliation } from "../src/ports/tools.ts";
import type { Agent } from "../src/run/types.ts";
import { simulate, type SimulateOptions } from "../src/testing/simulate.ts";
import { simulatedAgent } from "./support/simulated-agent.ts";
import { agentOf, simulatedFeatures } from "./support/simulated-features.ts";

type Simulated = Parameters<typeof simulate>[0];

/** Seeds played by every run of the tests; `scripts/simulate.ts` plays as many as one likes. */
const SEEDS = 90;

/** What must have happened in them, or they would prove nothing. */
const MET = [
  "run.dequeued",
  "run.forked",
  "a result of the original",
  "a follow-up",
  "budget.refused",
  "context.compacted",
  "source.closed",
  "a background child",
  "phase.ended",
  "call.resolved",
  "a delivery that was tried again",
  "stall.noticed",
  "a nudge",
  "a person whom the supervisor asked",
] as const;

async function metIn(store: Store, met: Set<string>): Promise<void> {
  for (const { run, continues } of await store.runs.list({ limit: Infinity })) {
    if (continues !== undefined) met.add("a follow-up");
    for (const event of await store.journal.read(run)) met.add(event.type).add(whatIsSpecial(event) ?? event.type);
  }
  const deliveries = await store.outbox.list({ limit: Infinity });
  if (deliveries.some(({ attempts }) => attempts > 1)) met.add("a delivery that was tried again");
}

function whatIsSpecial(event: RunEvent): (typeof MET)[number] | undefined {
  switch (event.type) {
    case "tool.ended":
      return event.stub === undefined ? undefined : "a result of the original";
    case "child.started":
      return event.background === true ? "a background child" : undefined;
    case "supervisor.decided":
      return event.action === "nudge" ? "a nudge" : undefined;
    case "question.answered":
      return event.call === undefined ? "a person whom the supervisor asked" : undefined;
    default:
  }
}

describe("a simulation", { timeout: 120_000 }, () => {
  it(`of an agent with every kind of tool, and of what a run can meet, finds nothing in ${SEEDS} seeds`, async () => {
    const met = new Set<string>();
    const afterwards = (store: Store): Promise<void> => metIn(store, met);
    const played = await simulate(agentOf, { ...simulatedFeatures, seeds: SEEDS, afterwards });
    expect(MET.filter((what) => !met.has(what))).toEqual([]);
    expect(played).toMatchObject({ seeds: SEEDS });
    // Otherwise it would prove nothing.
    expect(played.crashes).toBeGreaterThan(SEEDS / 2);
    expect(played.pauses).toBeGreaterThan(SEEDS / 2);
    expect(played.lateEffects).toBeGreaterThan(0);
    expect(played.runs).toBeGreaterThan(SEEDS);
  });

  it("is the same whenever a seed is played again, and another for another seed", async () => {
    const hashes = [];
    const play = (seed: number) => simulate(agentOf, { ...simulatedFeatures, seeds: [seed] });
    for (const seed of [7, 8, 7]) hashes.push((await play(seed)).hash);
    expect(hashes[0]).toBe(hashes[2]);
    expect(hashes[0]).not.toBe(hashes[1]);
  });

  it("plays a script, with calls that depend on nothing but the step", async () => {
    const pay = defineTool({ name: "pay", description: "Pays.", input: { type: "object" }, execute: () => "paid" });
    const agent: Agent = { name: "payer", instructions: "Pay.", tools: [pay] };
    const script = [{ calls: [{ name: "pay" }, { name: "pay" }] }, { text: "done" }];
    expect(await simulate(agent, { seeds: 50, script })).toMatchObject({ seeds: 50 });
  });
});

describe("a simulation finds", { timeout: 120_000 }, () => {
  /** Enough for every fault below, and no more than a test can afford. */
  const WITHIN = 300;

  async function problem(options: SimulateOptions, agent: Simulated = ({ random }) => simulatedAgent(random)): Promise<string> {
    try {
      await simulate(agent, { seeds: WITHIN, ...options });
    } catch (error) {
      return (error as Error).message;
    }
    return "nothing";
  }

  const withAppend = (change: (store: Store, request: AppendRequest) => Promise<AppendResult>) => (store: Store) => ({
    ...store,
    journal: { ...store.journal, append: (request: AppendRequest) => change(store, request) },
  });

  it("an append that does not look at the epoch", async () => {
    const epochs = new Map<string, number>();
    const through = (store: Store): Store => ({
      ...store,
      owners: {
        ...store.owners,
        claim: async (run, slot) => {
          const result = await store.owners.claim(run, slot);
          if (result.ok) epochs.set(run, result.epoch);
          return result;
        },
      },
      runs: {
        ...store.runs,
        create: (request) => {
          epochs.set(request.run, 1);
          return store.runs.create(request);
        },
      },
      journal: {
        ...store.journal,
        append: async (request) => {
          const seq = (await store.journal.read(request.run)).length;
          return store.journal.append({ ...request, seq, epoch: epochs.get(request.run) ?? request.epoch });
        },
      },
    });
    expect(await problem({ through })).toMatch(/^seed \d+: (?!nothing)/);
  });

  it("a lease that is never renewed", async () => {
    expect(await problem({ lease: { leaseMs: 3_000, heartbeatMs: 0 } })).toContain("its lease is not renewed");
  });

  it("what the caller says must hold afterwards, and plays it again", async () => {
    const charged: string[] = [];
    const charge = defineTool({
      name: "charge",
      description: "Charges, and forgets that it did.",
      input: { type: "object" },
      effect: "idempotent",
      execute: (_input, { idempotencyKey }) => void charged.push(idempotencyKey),
    });
    const afterwards = (): void => {
      const twice = charged.find((key, i) => charged.indexOf(key) !== i);
      charged.length = 0;
      if (twice !== undefined) throw new Error(`${twice} was charged twice`);
    };
    const agent: Agent = { name: "cashier", instructions: "Charge.", tools: [charge] };
    const found = await problem({ afterwards }, agent);
    const seed = Number(/^seed (\d+): run-\d[\w-]*:\d+\.\d+ was charged twice/.exec(found)?.[1]);
    expect(await problem({ afterwards, seeds: [seed] }, agent)).toBe(found);
  });

  it("a tool that does not know what became of its calls", async () => {
    const saying = (outcome: "done" | "not-done"): Agent => {
      const reconcile = (): Reconciliation => (outcome === "done" ? { outcome, result: "paid" } : { outcome });
      const pay = defineTool({ name: "pay", description: "Pays.", input: { type: "object" }, execute: () => "paid", reconcile });
      return { name: "cashier", instructions: "Pay.", tools: [pay] };
    };
    expect(await problem({}, saying("done"))).toMatch(/`reconcile` of pay says that the call \S+ of \S+ is done, and it never/);
    expect(await problem({}, saying("not-done"))).toMatch(/`reconcile` of pay says that the call \S+ of \S+ is not done, and it/);
  });

  it("that nothing was tried, because no run could begin", async () => {
    const misspelt: Agent = { name: "cashier", instructions: "Pay.", tools: ["pya"] };
    expect(await problem({}, misspelt)).toContain("no run was begun in any seed, so nothing was tried: agent cashier names");
  });

  it("that nothing was tried, because there are no seeds", async () => {
    for (const seeds of [0, -3, Number.NaN, []]) expect(await problem({ seeds })).toContain("there are no seeds to play");
  });

  it("a script that is too short, or calls a tool that is not there", async () => {
    const pay = defineTool({ name: "pay", description: "Pays.", input: { type: "object" }, execute: () => "paid" });
    const agent: Agent = { name: "payer", instructions: "Pay.", tools: [pay] };
    const calling = (name: string) => ({ calls: [{ name }] });
    expect(await problem({ script: [calling("pay")] }, agent)).toMatch(/^seed 1: the script has no answer for step 1 of run-/);
    expect(await problem({ script: [] }, agent)).toMatch(/^seed 1: the script has no answer for step 0 of run-/);
    expect(await problem({ seeds: 5, script: [calling("pya"), { text: "done" }] }, agent)).toBe(
      "the script calls the tool pya, which the agent does not have (did you mean pay?), in no seed",
    );
  });

  it("a run that does not come to its end, without waiting for it", async () => {
    const nap = defineTool({
      name: "nap",
      description: "Sleeps again and again.",
      input: { type: "object" },
      effect: "idempotent",
      execute: (_input, context) => context.sleep(10),
      resume: (_input, _wake, context) => context.sleep(10),
    });
    const agent: Agent = { name: "sleeper", instructions: "Sleep.", tools: [nap] };
    expect(await problem({ script: [{ calls: [{ name: "nap" }] }, { text: "done" }] }, agent)).toMatch(
      /^seed \d: \d+ things have happened within \d+ virtual ms, and it is not over: run-\S+ has \d+ events, the last of them .*tool\.suspended/,
    );
  });

  it("a result that is written twice", async () => {
    const through = withAppend(async (store, request) => {
      const ended = request.events.findIndex(({ type }) => type === "tool.ended");
      if (ended < 0) return store.journal.append(request);
      const events = [...request.events.slice(0, ended + 1), ...request.events.slice(ended)];
      return store.journal.append({ ...request, events });
    });
    expect(await problem({ through })).toMatch(/invariant 2 does not hold .*is a second result of the call/);
  });
});
