import { describe, expect, it } from "vitest";
import { createMemoryStore } from "../../src/adapters/store/memory.ts";
import type { Tool } from "../../src/ports/tools.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";
import { faultyStore } from "../../src/testing/faulty-store.ts";
import { agent, tool, world } from "../support/driver-world.ts";

async function turns(n = 20): Promise<void> {
  for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
}

describe("a takeover", () => {
  it("gives a call that runs again the key that it had before", async () => {
    const clock = createFakeClock();
    const store = createMemoryStore({ now: () => clock.now() });
    const keys: string[] = [];
    const put = tool("put", (_input, { idempotencyKey }) => (keys.push(idempotencyKey), new Promise(() => {})), {
      effect: "idempotent",
    });
    const script = [{ calls: [{ name: "put" }] }, { text: "stored" }];
    await world(script, {}, { store, clock }).executor.start(agent([put]), { input: "x", id: "r" });
    while (keys.length === 0) await turns(1);
    store.die();
    const again = tool("put", async (_input, { idempotencyKey }) => String(keys.push(idempotencyKey)), { effect: "idempotent" });
    const next = world(script, { agents: [agent([again])] }, { store: store.peer("memory/2"), clock });
    expect(await (await next.executor.resume("r")).result).toMatchObject({ status: "completed" });
    expect(keys).toEqual(["r:0.0", "r:0.0"]);
  });

  // Seed 173 of the simulation.
  it("is noticed by a former owner that has nothing to write, because it waits for a child that ended elsewhere", async () => {
    const clock = createFakeClock();
    const store = createMemoryStore({ now: () => clock.now() });
    // It was stopped while everything happened, and hears of nothing afterwards.
    const deaf = { ...store, journal: { ...store.journal, watch: () => () => {} } };
    let answer = (): void => {};
    const answered = new Promise<void>((resolve) => (answer = resolve));
    const helper = { name: "helper", instructions: "Help.", description: "Helps." };
    const lead = { ...agent([], { timeMs: 3_600_000 }), delegates: [helper] };
    const script = ({ run, step }: { readonly run: string; readonly step: number }) =>
      run === "r" && step === 0 ? { calls: [{ name: "agent__helper", input: { prompt: "x" } }] } : { text: "done" };
    const first = world(
      async (call) => {
        if (call.run !== "r") await answered;
        return script(call);
      },
      {},
      { store: deaf, clock },
    );
    const handle = await first.executor.start(lead, { input: "x", id: "r" });
    while (first.models.calls.length < 2) await turns(1);
    store.die();
    const next = world(script, { agents: [lead] }, { store: store.peer("memory/2"), clock });
    expect(await clock.until((await next.executor.resume("r")).result)).toMatchObject({ status: "completed" });
    store.revive();
    const wokeAt = clock.monotonic();
    answer();
    expect(await clock.until(handle.result)).toMatchObject({ status: "interrupted", error: { code: "run_owned" } });
    expect(clock.monotonic() - wokeAt).toBeLessThan(5_000);
  });

  it("goes on with what was spent before: a bound of money is not begun anew", async () => {
    const clock = createFakeClock();
    const store = createMemoryStore({ now: () => clock.now() });
    const look = tool("look", async (input) => JSON.stringify(input), { effect: "read" });
    const usage = { inputTokens: 500_000, outputTokens: 0 };
    const script = ({ step }: { readonly step: number }) => ({ calls: [{ name: "look", input: { step } }], usage });
    const limited = agent([look], { costUsd: 2, maxSteps: 50 });
    const first = world((call) => (call.step < 2 ? script(call) : { hang: true }), {}, { store, clock });
    await first.executor.start(limited, { input: "x", id: "r" });
    while (first.models.calls.length < 3) await turns(1);
    store.die();
    const next = world(script, { agents: [limited] }, { store: store.peer("memory/2"), clock });
    const result = await (await next.executor.resume("r")).result;
    expect(result).toMatchObject({ status: "over_budget", costUsd: 2 });
    expect(next.models.calls).toHaveLength(2);
  });

  it("does not lose what the former owner still wrote between the look at the journal and the claim", async () => {
    const clock = createFakeClock();
    const store = createMemoryStore({ now: () => clock.now() });
    let release = (): void => {};
    let runs = 0;
    const slow = tool("slow", () => (runs++, new Promise((resolve) => (release = () => resolve("found")))));
    const script = [{ calls: [{ name: "slow" }] }, { text: "done" }];
    const first = world([{ calls: [{ name: "slow" }] }, { hang: true }], {}, { store, clock });
    await first.executor.start(agent([slow]), { input: "x", id: "r" });
    while (runs === 0) await turns(1);
    const peer = store.peer("memory/2");
    const late = faultyStore(peer, [
      {
        method: "owners.claim",
        act: async () => {
          release();
          await turns();
          store.die();
        },
      },
    ]);
    const next = world(script, { agents: [agent([slow])] }, { store: late, clock });
    expect(await (await next.executor.resume("r")).result).toMatchObject({
      status: "completed",
      output: "done",
      steps: [{ calls: [{ outcome: "ok", output: "found" }] }, {}],
    });
    expect(runs).toBe(1);
  });
});

describe("crash after crash", () => {
  /** Takes the run over and lets that process die too, as often as it takes; the statuses in between. */
  async function crashes(
    times: number,
    step: (attempt: number) => boolean,
    execute: Tool["execute"] = async () => "x",
  ): Promise<readonly string[]> {
    const clock = createFakeClock();
    let store = createMemoryStore({ now: () => clock.now() });
    const look = tool("look", execute, { effect: "read" });
    const config = { agents: [agent([look], { recoveries: 2 })] };
    const statuses: string[] = [];
    for (let attempt = 0; attempt <= times; attempt++) {
      let answers = step(attempt) ? 1 : 0;
      const script = () => (answers-- > 0 ? { calls: [{ name: "look", input: { attempt } }] } : { hang: true as const });
      const { executor } = world(script, config, { store, clock });
      if (attempt === 0) await executor.start(agent([look], { recoveries: 2 }), { input: "x", id: "r" });
      else await executor.resume("r");
      await turns();
      const { status } = (await store.runs.get("r")) ?? {};
      statuses.push(status ?? "gone");
      store.die();
      store = store.peer(`memory/${attempt + 2}`);
    }
    return statuses;
  }

  it("ends as poisoned after as many attempts without progress as the limit says, not before and not later", async () => {
    expect(await crashes(2, () => false)).toEqual(["running", "running", "poisoned"]);
  });

  it("ends as poisoned also when a call is what kills it: closing that call is no progress", async () => {
    const hangs = (): Promise<never> => new Promise(() => {});
    expect(await crashes(3, (attempt) => attempt === 1, hangs)).toEqual(["running", "running", "running", "poisoned"]);
  });

  it("goes on for as long as every attempt brings something", async () => {
    expect(await crashes(5, () => true)).toEqual(Array.from({ length: 6 }, () => "running"));
  });
});
