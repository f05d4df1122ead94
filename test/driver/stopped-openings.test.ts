/** Tool sources that are being opened when their run is told to end. */
import { expect, it } from "vitest";
import type { OpenedSource } from "../../src/ports/tool-source.ts";
import type { Agent } from "../../src/run/types.ts";
import { createWorld, makeAgent, makeTool } from "../support/world.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

// Seed 2767 of the simulation.
it("a source that is being opened when the run is stopped is not opened a second time, and is closed", async () => {
  const box = { opens: 0, open: 0, release: (): void => {} };
  const made = (isSlow: boolean): Agent => {
    const open = async (): Promise<OpenedSource> => {
      box.opens++;
      if (isSlow) await new Promise<void>((resolve) => (box.release = resolve));
      box.open++;
      return { tools: [makeTool("box__say", async () => "said")], afterRun: async () => {}, close: async () => void box.open-- };
    };
    return { ...makeAgent([]), sources: [{ name: "box", open }] };
  };
  const first = createWorld([{ hang: true }]);
  await first.executor.start(made(false), { input: "go", id: "r" });
  while (first.models.calls.length === 0) await turn();
  await first.executor.shutdown();
  const next = createWorld([], { from: { ...first, store: first.store.peer("memory/2") }, agents: [made(true)] });
  const { result } = await next.executor.resume("r");
  while (box.opens < 2) await turn();
  await next.executor.send("r", { kind: "cancel" });
  while (!(await next.store.journal.read("r")).some(({ type }) => type === "run.settling")) await turn();
  for (let i = 0; i < 20; i++) await turn();
  box.release();
  expect(await next.clock.until(result)).toMatchObject({ status: "cancelled" });
  expect(box).toMatchObject({ opens: 2, open: 0 });
});
