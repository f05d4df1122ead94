/** Calls that a fork finds under way: the original goes on with them. */
import { describe, expect, it } from "vitest";
import { UnknownOutcomeError } from "../../src/kernel/unknown-outcome.ts";
import type { RunEvent } from "../../src/ports/events.ts";
import { createWorld, makeAgent, makeTool } from "../support/world.ts";

const seqOf = (events: readonly RunEvent[], type: string, nth = 0): number =>
  events.filter((event) => event.type === type)[nth]?.seq ?? -1;

describe.each<"asleep" | "woken" | "at work again">(["asleep", "woken", "at work again"])(
  "a fork of a call that was %s",
  (moment) => {
    async function halfPaid() {
      const ran: string[] = [];
      const gate = Promise.withResolvers<void>();
      const begun = Promise.withResolvers<void>();
      const pay = makeTool("pay", async (_input, context) => (ran.push(`began ${context.run}`), context.sleep(60_000)), {
        resume: async (_input, _wake, { run }) => {
          ran.push(`paid ${run}`);
          begun.resolve();
          if (run === "o") await gate.promise;
          return "paid";
        },
      });
      const agent = makeAgent([pay]);
      const world = createWorld([{ calls: [{ name: "pay" }] }, { text: "Paid." }], { agents: [agent] });
      const started = await world.executor.start(agent, { input: "go", id: "o" });
      await world.clock.until(started.result);
      world.clock.advance(61_000);
      const { result } = await world.executor.resume("o");
      await world.clock.until(begun.promise);
      const events = await world.store.journal.read("o");
      const at = {
        asleep: seqOf(events, "tool.suspended"),
        woken: seqOf(events, "tool.woken"),
        "at work again": events.length - 1,
      };
      const end = async (): Promise<void> => {
        gate.resolve();
        expect(await world.clock.until(result)).toMatchObject({ status: "completed" });
      };
      return { world, ran, at: at[moment], end };
    }

    it("asks a person before it is made in the fork too", async () => {
      const { world, ran, at, end } = await halfPaid();
      const fork = await world.executor.fork("o", { at, id: "f" });
      expect(await world.clock.until(fork.result)).toMatchObject({ status: "waiting", waitingFor: { kind: "approval" } });
      await end();
      expect(ran).toEqual(["began o", "paid o"]);
    });

    it("has the result of the original, where there is one", async () => {
      const { world, ran, at, end } = await halfPaid();
      await end();
      const fork = await world.executor.fork("o", { at, id: "f" });
      expect(await world.clock.until(fork.result)).toMatchObject({ status: "completed", output: "Paid." });
      expect(ran).toEqual(["began o", "paid o"]);
    });
  },
);

it("a fork does not take an approval of the original for a call of which nobody knows what came", async () => {
  const ran: string[] = [];
  const pay = makeTool("pay", async (_input, { run }) => (ran.push(run), Promise.reject(new UnknownOutcomeError("no answer"))), {
    approval: "always",
    onUnknown: "ask",
    reconcile: async (_input, { run }) => ({ outcome: run === "o" ? "unknown" : "not-done" }),
  });
  const agent = makeAgent([pay]);
  const world = createWorld([{ calls: [{ name: "pay" }] }, { text: "Paid." }], { agents: [agent] });
  await world.clock.until(world.executor.run(agent, { input: "go", id: "o" }));
  await world.executor.send("o", { kind: "approve", approval: "o:0.0" });
  await world.clock.until((await world.executor.resume("o")).result);
  const at = seqOf(await world.store.journal.read("o"), "tool.interrupted");
  const fork = await world.executor.fork("o", { at, id: "f" });
  expect(await world.clock.until(fork.result)).toMatchObject({ status: "waiting", waitingFor: { kind: "approval" } });
  expect(ran).toEqual(["o"]);
});
