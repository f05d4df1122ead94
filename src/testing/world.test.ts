import { expect, it } from "vitest";
import type { Agent } from "../ports/definition.ts";
import { createWorld } from "./world.ts";

const agent: Agent = { name: "a", instructions: "Try." };

/** A run with an id of its own whose model fails twice first: ids and jitter are drawn. */
async function journalOf(seed: number): Promise<string> {
  const world = createWorld(
    ({ attempt }) =>
      attempt < 3 ? { error: Object.assign(new Error("busy"), { retryable: true }) } : { text: `attempt ${attempt}` },
    { seed },
  );
  const { run } = await world.clock.until(world.executor.run(agent, "go"));
  return JSON.stringify(await world.store.journal.read(run));
}

it("the same seed gives the same journal, byte for byte: ids, times, jitter", async () => {
  const first = await journalOf(1);
  expect(first).toContain('"type":"model.failed"');
  expect(await journalOf(1)).toBe(first);
  expect(await journalOf(2)).not.toBe(first);
});
