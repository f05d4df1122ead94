/**
 * What each feature holds to by itself must hold when they meet: an agent in phases whose children need a person, on a budget, with a
 * tool source, a pinned message, a structured answer and a delivery, stopped before and after each of its writes.
 */
import { expect, it } from "vitest";
import { childRunId } from "../../src/kernel/children.ts";
import type { Delivery, DeliveryAdapter } from "../../src/ports/delivery.ts";
import type { ModelCall } from "../../src/ports/models.ts";
import type { ToolSource } from "../../src/ports/tool-source.ts";
import type { Tool } from "../../src/ports/tools.ts";
import type { Agent, RunResult } from "../../src/run/types.ts";
import type { ScriptedAnswer } from "../../src/testing/scripted-model.ts";
import { survivesEverywhere } from "../support/crash-points.ts";
import { makeTool, type World } from "../support/world.ts";

const CHILD = childRunId("r", "0.1");

function tools(effects: string[]): readonly Tool[] {
  const once = (name: string, more: Partial<Tool> = {}): Tool =>
    makeTool(name, async (_, context) => (effects.push(`${name} ${context.idempotencyKey}`), `${name} done`), more);
  return [once("look"), once("pay", { approval: "always" })];
}

/** The parent gathers with a child, then reports; the child needs a person for what it pays. */
function script(call: ModelCall): ScriptedAnswer {
  if (call.run === CHILD) return call.step === 0 ? { calls: [{ name: "pay", input: { n: 1 } }] } : { text: "paid" };
  if (!call.instructions.includes("Gather")) return { text: '{"ok":true}' };
  if (call.step > 0) return { text: "gathered" };
  const child = { name: "agent__helper", input: { prompt: "pay" } };
  return { calls: [{ name: "look", input: { n: 1 } }, child, { name: "box__put", input: { n: 2 } }] };
}

const box = (effects: string[]): ToolSource => ({
  name: "box",
  everyRun: false,
  open: async () => ({
    tools: [makeTool("box__put", async (_, context) => (effects.push(`put ${context.idempotencyKey}`), "put"))],
    cleanup: { box: 1 },
    afterRun: async () => ({ artifacts: [{ name: "box.txt", content: "what is in it" }] }),
  }),
  cleanup: async () => {},
});

const helper = (own: readonly Tool[]): Agent => ({ name: "helper", instructions: "Help.", tools: own });

function agentWith(own: readonly Tool[]): Partial<Agent> {
  return {
    tools: own,
    delegates: [helper(own)],
    sources: ["box"],
    phases: [
      { name: "Gather", instructions: "Gather." },
      { name: "Report", instructions: "Report {{Gather}}.", tools: [] },
    ],
    output: { type: "object", properties: { ok: { type: "boolean" } }, required: ["ok"] },
  };
}

/** Whoever waits in the tree gets its approval. */
async function approve({ executor, store }: World, _result: RunResult): Promise<void> {
  for (const { run, waitingFor } of await store.runs.list({ status: ["waiting"] })) {
    if (waitingFor === undefined || !("waits" in waitingFor)) continue;
    for (const { id } of waitingFor.waits) await executor.send(run, { kind: "approve", approval: id }, { id: `approve:${id}` });
  }
}

it("S46 S14 S27 S06 S32 a run that has everything survives everywhere", async () => {
  const delivered: Delivery[] = [];
  const file: DeliveryAdapter = {
    kind: "file",
    deliver: async (delivery) => (delivered.push(delivery), { outcome: "delivered" }),
  };
  const points = await survivesEverywhere({
    script,
    tools,
    agentWith,
    request: { tenant: "acme", delivery: { kind: "file", id: "out" } },
    config: (effects) => ({
      sources: [box(effects)],
      delivery: { adapters: [file] },
      budgets: [
        { per: "tenant", window: "day", limit: { usd: 5, calls: 100 } },
        { per: "tree", window: "run", limit: { tokens: 100_000 } },
      ],
    }),
    whenWaiting: approve,
    status: "completed",
  });
  expect(points).toBeGreaterThan(30);
  // One run, one target: whichever process sent it, in whatever attempt, a receiver sees the same id.
  expect(new Set(delivered.map(({ id }) => id)).size).toBe(1);
}, 120_000);
