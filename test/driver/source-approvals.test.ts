/** A person gives a call of a tool source other arguments while nobody has the run, so that the source is closed. */
import { expect, it } from "vitest";
import type { JsonValue } from "../../src/ports/json.ts";
import type { RunResult } from "../../src/run/types.ts";
import { createWorld, makeAgent, makeTool } from "../support/world.ts";

const answer = (input: JsonValue) => ({ kind: "approve", approval: "r:0.0", input }) as const;

/** A run that waits for approval of a source's call; its process has let go of it. */
async function asked() {
  const ran: unknown[] = [];
  const inputSchema = { type: "object", properties: { eur: { type: "number" } }, required: ["eur"] };
  const pay = makeTool("bank__pay", async (input) => (ran.push(input), "paid"), { inputSchema });
  const agent = { ...makeAgent([]), sources: [{ name: "bank", open: async () => ({ tools: [pay] }) }] };
  const options = { agents: [agent], permission: { "*": "ask" as const }, wakes: false };
  const script = [{ calls: [{ name: "bank__pay", input: { eur: 90 } }] }, { text: "done" }];
  const first = createWorld(script, options);
  const { status } = await first.clock.until(first.executor.run(agent, { input: "go", id: "r" }));
  expect(status).toBe("waiting");
  await first.clock.until(first.executor.shutdown());
  const next = createWorld(script, { ...options, from: { ...first, store: first.store.peer("memory/2") } });
  const go = async (): Promise<RunResult> => next.clock.until((await next.executor.resume("r")).result);
  return { next, go, ran };
}

it("S16 they are checked by the schema that is journaled, and the call runs with them", async () => {
  const { next, go, ran } = await asked();
  await next.executor.send("r", answer({ eur: 40 }));
  const plan = await next.executor.plan("r");
  expect(plan).toMatchObject({ calls: [{ input: { eur: 40 }, inputBefore: { eur: 90 } }] });
  expect(plan.refusedAnswers).toBeUndefined();
  expect((await go()).status).toBe("completed");
  expect(ran).toEqual([{ eur: 40 }]);
});

it("S16 they are refused when they do not fit it, as the plan says", async () => {
  const { next, go, ran } = await asked();
  await next.executor.send("r", answer({ eur: "much" }));
  const [why] = (await next.executor.plan("r")).refusedAnswers ?? [];
  expect(why).toMatch(/^the edited arguments do not fit bank__pay: .*eur/);
  expect((await go()).status).toBe("waiting");
  expect(ran).toEqual([]);
  expect((await next.store.journal.read("r")).findLast(({ type }) => type === "answer.refused")).toMatchObject({
    message: why,
  });
});
