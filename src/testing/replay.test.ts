import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { exportRuns } from "../adapters/store/transfer.ts";
import type { Agent } from "../ports/definition.ts";
import type { RunEvent } from "../ports/events.ts";
import { replay } from "./replay.ts";
import { createWorld, type World } from "./world.ts";

const agent: Agent = { name: "a", instructions: "Answer.", limits: { maxSteps: 2 } };

let folder: string;
let world: World;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "executus-replay-"));
  world = createWorld([{ text: "yes" }]);
  for (const id of ["one", "two"]) await world.clock.until(world.executor.run(agent, { id, input: "Is it?" }));
  await world.clock.until(world.executor.run(agent, { id: "three", input: "Sure?", continues: "two" }));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = (lines: readonly string[]): string => {
  const path = join(folder, "journal.jsonl");
  writeFileSync(path, lines.map((line) => `${line}\n`).join(""));
  return path;
};

it("takes events, a store, a file of events and an export, threads included", async () => {
  const events = await world.store.journal.read("one");
  expect(await replay(events)).toBe(events.length);
  expect(await replay(world.store)).toBe(3 * events.length);
  expect(await replay(world.store, { runs: ["two"] })).toBe(events.length);
  const lines: string[] = [];
  for await (const line of exportRuns(world.store)) lines.push(line);
  expect(await replay(file(events.map((event) => JSON.stringify(event))))).toBe(events.length);
  expect(await replay(file(lines))).toBe(3 * events.length);
});

it("takes every golden journal", async () => {
  const golden = join(import.meta.dirname, "../../test/golden/v0.1");
  const names = readdirSync(golden).filter((name) => name.endsWith(".jsonl"));
  expect(names.length).toBeGreaterThan(50);
  for (const name of names.filter((name) => name !== "follow-up.jsonl"))
    expect(await replay(join(golden, name)), name).toBeGreaterThan(0);
  // The run that it goes on from is not beside it.
  await expect(replay(join(golden, "follow-up.jsonl"))).rejects.toMatchObject({ code: "thread_incomplete" });
});

it("fails at the first event that would be decided otherwise now", async () => {
  const events = await world.store.journal.read("one");
  const changed = events.map((event) => (event.type === "run.settling" ? { ...event, status: "killed" as const } : event));
  const seq = events.findIndex(({ type }) => type === "run.settling");
  await expect(replay(changed)).rejects.toThrow(
    `run one takes another course at event ${seq}. Recorded: run.settling {"status":"killed"}; now: `,
  );
  const against = { ...agent, instructions: "Ask." };
  await expect(replay(world.store, { runs: ["one"], against })).rejects.toThrow("another prompt");
  expect(await replay(world.store, { runs: ["one"], against: agent })).toBe(events.length);
});

it("says what is no journal", async () => {
  await expect(replay(file(["{"]))).rejects.toThrow("journal.jsonl, line 1 is no JSON object");
  await expect(replay(file([]))).rejects.toMatchObject({ code: "journal_damaged" });
  await expect(replay(file(['{"format":"other"}']))).rejects.toThrow("this is other");
  await expect(replay([] as readonly RunEvent[], { runs: ["nobody"] })).rejects.toMatchObject({ code: "run_unknown" });
});

it("fails where there is nothing to replay, or only the rest of a run", async () => {
  await expect(replay([])).rejects.toThrow("there is no run to replay, so nothing was tried");
  await expect(replay(createWorld([]).store)).rejects.toThrow("there is no run to replay");
  const rest = (await world.store.journal.read("one")).slice(1);
  await expect(replay(rest)).rejects.toThrow("these events do not begin with the beginning of a run");
});
