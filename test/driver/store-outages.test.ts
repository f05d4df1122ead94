/** What a store that fails for a moment, or that fails to say that it has written, does to a run: nothing but delay. */
import { describe, expect, it } from "vitest";
import { ExecutusError } from "../../src/kernel/errors.ts";
import type { Store } from "../../src/ports/store.ts";
import type { Agent } from "../../src/run/types.ts";
import { storeViolations } from "../../src/testing/invariants.ts";
import { createWorld, makeAgent, makeTool } from "../support/world.ts";

const away = new ExecutusError("store_unavailable", "the store is away", { retryable: true });
const SCRIPT = [{ calls: [{ name: "pay" }] }, { text: "done" }];

describe("a store that fails for a moment", () => {
  it("may have written what it refused: that is found out, and written once", async () => {
    let paid = 0;
    let writes = 0;
    const world = createWorld(SCRIPT, {
      through: (store) => {
        const append: Store["journal"]["append"] = async (request) => {
          const result = await store.journal.append(request);
          if (result.ok && writes++ % 2 === 0) throw away;
          return result;
        };
        return { ...store, journal: { ...store.journal, append } };
      },
    });
    const result = await world.clock.until(world.executor.run(makeAgent([makeTool("pay", async () => ++paid)]), "x"));
    expect(result).toMatchObject({ status: "completed", output: "done", toolCalls: 1 });
    expect([paid, world.models.calls.length, writes > 1]).toEqual([1, 2, true]);
    expect(await storeViolations(world.store)).toEqual([]);
  });

  it("still fences a process whose run was taken over while the store was away", async () => {
    let isTaken = false;
    const world = createWorld(SCRIPT, {
      through: (store) => {
        const append: Store["journal"]["append"] = async (request) => {
          if (isTaken) return store.journal.append(request);
          isTaken = true;
          world.store.die();
          await world.store.peer("memory/2").owners.claim(request.run);
          throw away;
        };
        return { ...store, journal: { ...store.journal, append } };
      },
    });
    const result = await world.clock.until(world.executor.run(makeAgent([]), { input: "x", id: "r" }));
    expect(result).toMatchObject({ status: "interrupted", error: { code: "run_owned" } });
    expect(await world.store.journal.read("r")).toHaveLength(2);
  });

  it("does not end an attempt when the inbox cannot be read: a call under way goes on", async () => {
    let failures = 3;
    let isPaying = false;
    let paid = 0;
    const warnings: string[] = [];
    const world = createWorld(SCRIPT, {
      observers: [{ warning: (_run, message) => void warnings.push(message) }],
      through: (store) => {
        const pending: Store["inbox"]["pending"] = (...given) =>
          isPaying && failures-- > 0 ? Promise.reject(away) : store.inbox.pending(...given);
        return { ...store, inbox: { ...store.inbox, pending } };
      },
    });
    const pay = makeTool("pay", async (_input, context) => {
      isPaying = true;
      await world.executor.send(context.run, { kind: "steer", content: "hurry" });
      return ++paid;
    });
    const result = await world.clock.until(world.executor.run(makeAgent([pay]), { input: "x", id: "r" }));
    expect(result).toMatchObject({ status: "completed", steps: [{ calls: [{ outcome: "ok", output: 1 }] }, {}] });
    expect(warnings).toEqual(Array.from({ length: 3 }, () => "the store is away; trying again in 1000 ms"));
    const types = (await world.store.journal.read("r")).map(({ type }) => type);
    expect(types).toContain("steer.received");
    expect(types).not.toContain("attempt.started");
  });
});

describe("a store that fails for a moment while a child is looked after", () => {
  const helper: Agent = { name: "helper", instructions: "Help.", description: "Helps." };
  const lead: Agent = { name: "lead", instructions: "Lead.", delegates: [helper] };
  const script = [{ calls: [{ name: "agent__helper", input: { prompt: "x" } }] }, { text: "done" }];

  it("starts the child once it can", async () => {
    let failures = 3;
    const world = createWorld((call) => (call.run === "r" ? (script[call.step] ?? {}) : { text: "helped" }), {
      through: (store) => {
        const get: Store["runs"]["get"] = (run) => (run !== "r" && failures-- > 0 ? Promise.reject(away) : store.runs.get(run));
        return { ...store, runs: { ...store.runs, get } };
      },
    });
    const result = await world.clock.until(world.executor.run(lead, { input: "x", id: "r" }));
    expect(result).toMatchObject({ status: "completed", steps: [{ calls: [{ outcome: "ok", output: "helped" }] }, {}] });
    expect(await storeViolations(world.store)).toEqual([]);
  });

  it.each(["cancel", "kill"] as const)("tells the child to end once it can (%s)", async (kind) => {
    let failures = 3;
    let isEnding = false;
    const world = createWorld((call) => (call.run === "r" ? (script[call.step] ?? {}) : { hang: true }), {
      through: (store) => {
        const send: Store["inbox"]["send"] = (run, entry) =>
          isEnding && run !== "r" && failures-- > 0 ? Promise.reject(away) : store.inbox.send(run, entry);
        return { ...store, inbox: { ...store.inbox, send } };
      },
    });
    const handle = await world.executor.start(lead, { input: "x", id: "r" });
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    isEnding = true;
    await handle[kind]();
    expect(await world.clock.until(handle.result)).toMatchObject({ status: kind === "kill" ? "killed" : "cancelled" });
    const [child] = await world.store.runs.list({ parent: "r" });
    expect(child?.status).toBe(kind === "kill" ? "killed" : "cancelled");
    expect(failures).toBeLessThan(0);
  });
});

describe("an end that comes between the intent of a call and its start", () => {
  it.each(["cancel", "kill"] as const)("leaves nothing to wait for: the call was never run (%s)", async (kind) => {
    let paid = 0;
    const world = createWorld(SCRIPT, {
      through: (store) => {
        const append: Store["journal"]["append"] = async (request) => {
          const isIntent = request.events.some(({ type }) => type === "tool.started");
          if (isIntent) await store.inbox.send(request.run, { id: "stop", kind });
          return store.journal.append(request);
        };
        return { ...store, journal: { ...store.journal, append } };
      },
    });
    const result = await world.clock.until(
      world.executor.run(makeAgent([makeTool("pay", async () => ++paid)]), { input: "x", id: "r" }),
    );
    const [outcome, status] = kind === "kill" ? ["unknown", "killed"] : ["cancelled", "cancelled"];
    expect(result).toMatchObject({ status, steps: [{ calls: [{ outcome }] }] });
    expect(paid).toBe(0);
    expect(await storeViolations(world.store)).toEqual([]);
  });
});
