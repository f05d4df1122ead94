/** Files of a thread: a conversation that names a file and the run that reads it agree on which one it is. */
import { expect, it } from "vitest";
import type { RunEvent } from "../../src/ports/events.ts";
import type { Agent } from "../../src/ports/definition.ts";
import type { ScriptedAnswer } from "../../src/testing/scripted-model.ts";
import { foldJournal } from "../../src/run/result.ts";
import { threadOf } from "../../src/run/thread.ts";
import { toCassette } from "../../src/testing/cassette.ts";
import { createWorld, makeTool, type World } from "../support/world.ts";

const count = makeTool("count", async (_input, { run }) => `${run} `.repeat(50), { effect: "read", outputBytes: 20 });
const agent: Agent = { name: "reader", instructions: "Read.", tools: [count] };
const reading = (...files: readonly string[]): ScriptedAnswer => ({
  calls: files.map((file) => ({ name: "read_attachment", input: { file } })),
});
const NAMED = ["file-1", "file-2", "note.txt", "result-0.0", "result-2.0.0"];

/** `a` attaches a note and counts; `b` goes on from it, attaches another note and counts; `c` reads everything. */
function createThread(options: object = {}): World {
  return createWorld(
    ({ run, step }) => {
      if (step > 0) return { text: "Read." };
      return run === "c" || run === "f" ? reading(...NAMED) : { calls: [{ name: "count" }] };
    },
    { agents: [agent], ...options },
  );
}

async function talk(world: World): Promise<void> {
  const note = (text: string) => ({ text, name: "note.txt" });
  const { executor, clock } = world;
  await clock.until(executor.run(agent, { id: "a", input: "One?", attachments: [note("the first note")] }));
  await clock.until(executor.run(agent, { id: "b", input: "Two?", continues: "a", attachments: [note("the second note")] }));
}

const WHAT_THERE_IS = [
  "note.txt (file-1), characters 0 to 14 of 14:\nthe first note",
  "note.txt (file-2), characters 0 to 15 of 15:\nthe second note",
  "note.txt (file-2), characters 0 to 15 of 15:\nthe second note",
  `result-0.0, characters 0 to 100 of 100:\n${"a ".repeat(50)}`,
  `result-2.0.0, characters 0 to 100 of 100:\n${"b ".repeat(50)}`,
];

it("S23 a follow-up reads what the runs before it were given and left, each under the id that its conversation has", async () => {
  const world = createThread();
  await talk(world);
  const result = await world.clock.until(world.executor.run(agent, { id: "c", input: "Three?", continues: "b" }));
  expect(result.steps[0]?.calls.map(({ output }) => output)).toEqual(WHAT_THERE_IS);
  const shown = JSON.stringify(world.models.calls.find(({ run }) => run === "c")?.messages);
  for (const id of ["- file-1: note.txt", "- file-2: note.txt", "file result-0.0,", "file result-2.0.0,"])
    expect(shown.split(id)).toHaveLength(2);
  const [started] = await world.store.journal.read("c");
  expect(started).toMatchObject({ request: { continues: { run: "b", files: 4 } } });
  expect(JSON.stringify(started)).not.toContain("note.txt");
});

it("S26 it does so after a takeover and in a fork, and a replay finds no difference", async () => {
  const world = createThread({ permission: { read_attachment: "ask" } });
  await talk(world);
  const held = await world.clock.until(world.executor.run(agent, { id: "c", input: "Three?", continues: "b" }));
  expect(held.status).toBe("waiting");
  for (const i of NAMED.keys()) await world.executor.send("c", { kind: "approve", approval: `c:0.${i}` }, { id: `yes-${i}` });
  await world.clock.until(world.executor.shutdown());
  const { clock, store, blobs } = world;
  const next = createThread({ from: { clock, blobs, store: store.peer("two") } });
  const resumed = await next.executor.resume("c");
  const outputs = [await next.clock.until(resumed.result)];
  const fork = await next.executor.fork("c", { at: 0, id: "f" });
  outputs.push(await next.clock.until(fork.result));
  for (const { steps } of outputs) expect(steps[0]?.calls.map(({ output }) => output)).toEqual(WHAT_THERE_IS);
  for (const run of ["b", "c", "f"]) expect((await next.executor.replay(run)).divergence).toBeUndefined();
});

it("S23 a follow-up whose journal is older has its own files alone, under the ids that its conversation has", async () => {
  const world = createThread();
  await talk(world);
  const [started, ...rest] = await world.store.journal.read("b");
  if (started?.type !== "run.started" || started.request.continues === undefined) throw new Error("b goes on from a");
  const { run, seq } = started.request.continues;
  const older: RunEvent = { ...started, request: { ...started.request, continues: { run, seq } } };
  const thread = threadOf([await world.store.journal.read("a")]);
  const ids = (events: readonly RunEvent[]) => foldJournal(events, undefined, thread)?.state.files.map(({ id }) => id);
  expect(ids([older, ...rest])).toEqual(["file-2", "result-0.0"]);
  expect(ids([started, ...rest])).toEqual(["file-1", "result-0.0", "file-2", "result-2.0.0"]);
});

it("a recording of a follow-up to a run with files is refused", async () => {
  const world = createThread();
  await talk(world);
  await world.clock.until(world.executor.run({ ...agent, tools: [] }, { id: "d", input: "Three?", continues: "b" }));
  const [a, b, d] = await Promise.all(["a", "b", "d"].map((run) => world.store.journal.read(run)));
  expect(() => toCassette(d ?? [], [a ?? [], b ?? []])).toThrow("cannot be played back: files were attached");
});

it("a fork whose first turn has another text still lists its files there", async () => {
  const world = createThread();
  await talk(world);
  const fork = await world.executor.fork("b", { at: 0, id: "g", edit: { input: "Other words?" } });
  await world.clock.until(fork.result);
  const said = world.models.calls.find(({ run }) => run === "g")?.messages.at(-1)?.content;
  expect(said).toEqual([
    { type: "text", text: "Other words?" },
    { type: "text", text: expect.stringMatching(/^\[ATTACHED FILES\]\n- file-2: note.txt/) },
  ]);
});
