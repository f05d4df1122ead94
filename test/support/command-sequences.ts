/** Everything that people and machines do to runs, as commands of a sequence. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  advance,
  crash,
  type Message,
  type Model,
  newModel,
  restart,
  start,
  takeOver,
  tell,
  WORK_MS,
  type WorkerName,
} from "./command-model.ts";
import { System } from "./command-system.ts";

type Command = fc.AsyncCommand<Model, System>;

/** A command that is possible when its worker lives, changes both, and leaves both in the same place. */
function command(text: string, worker: WorkerName | undefined, run: (model: Model, system: System) => Promise<void>): Command {
  return {
    check: ({ alive }) => worker === undefined || alive[worker],
    run: async (model, system) => {
      await run(model, system);
      await system.compare(model);
    },
    toString: () => text,
  };
}

const RUNS = ["one-even", "two-odd"];
const runs = fc.constantFrom(...RUNS, ...RUNS, "three-odd");
const workers = fc.constantFrom<WorkerName>("a", "b");
/** Few, so that the same is said twice. */
const ids = fc.constantFrom("x", "y");
const kinds = fc.constantFrom<Message["kind"]>("approve", "approve", "deny", "steer", "cancel", "kill");

const starting = fc
  .tuple(runs, workers)
  .map(([run, worker]) =>
    command(`start ${run} at ${worker}`, worker, (model, system) => startAt(model, system, { run, worker })),
  );

async function startAt(model: Model, system: System, at: { readonly run: string; readonly worker: WorkerName }): Promise<void> {
  const { run, worker } = at;
  start(model, run, worker);
  await system.worker(worker).executor.start(system.agentFor(run), { input: "go", id: run });
  await system.rest();
}

const telling = fc.tuple(runs, kinds, ids, workers).map(([run, kind, id, worker]): Command => {
  const message: Message = { run, kind, id: `${kind}-${id}` };
  const told = command(`${kind} ${run} at ${worker} (${message.id})`, worker, async (model, system) => {
    const expected = tell(model, message, worker);
    const sent = await system.worker(worker).executor.send(run, toCommand(message), { id: message.id });
    assert.equal(sent, expected, `what the sender of ${message.id} to ${run} is told`);
  });
  // Most stops come when there is something to be stopped, or else few runs would get that far.
  const isEarly = ({ runs: all }: Model): boolean => all.get(run)?.phase === "asking" && id === "x";
  return { ...told, check: (model) => told.check(model) && !((kind === "cancel" || kind === "kill") && isEarly(model)) };
});

function toCommand({ run, kind, id }: Message): Parameters<ReturnType<System["worker"]>["executor"]["send"]>[1] {
  if (kind === "steer") return { kind, content: `Mind ${id}.` };
  return kind === "approve" || kind === "deny" ? { kind, approval: `${run}:0.0` } : { kind };
}

const crashing = workers.map((worker) =>
  command(`crash ${worker}`, worker, async (model, system) => {
    crash(model, worker);
    system.worker(worker).die();
  }),
);

const restarting = workers.map((worker): Command => ({
  ...command(`restart ${worker}`, undefined, async (model, system) => {
    restart(model, worker);
    system.boot(worker);
    await system.worker(worker).executor.recover();
  }),
  check: ({ alive }) => !alive[worker],
}));

const recovering = workers.map((worker) =>
  command(`recover at ${worker}`, worker, async (model, system) => {
    for (const run of model.runs.values()) takeOver(model, run, worker);
    await system.worker(worker).executor.recover();
  }),
);

const passing = fc.constantFrom(1, WORK_MS / 2, WORK_MS).map((ms) =>
  command(`${ms} ms pass`, undefined, async (model, system) => {
    advance(model, ms);
    system.world.clock.advance(ms);
  }),
);

const forking = fc.tuple(runs, fc.nat(8), workers).map(([run, at, worker]) => {
  const forked = command(`fork ${run} at ${at} by ${worker}`, worker, async (model, system) => {
    const id = `fork-${model.forks.length}-${run}`;
    model.forks.push(id);
    const { length } = await system.world.store.journal.read(run);
    await system.worker(worker).executor.fork(run, { at: Math.min(at, length - 1), id });
  });
  return { ...forked, check: (model: Model) => forked.check(model) && model.runs.get(run)?.phase === "asking" };
});

const sequences = fc.commands([starting, telling, telling, telling, crashing, restarting, passing, recovering, forking], {
  maxCommands: 80,
  size: "max",
});

/** Rejects with the shortest sequence that it finds to go wrong. */
export async function playSequences(count: number): Promise<void> {
  const property = fc.asyncProperty(sequences, async (sequence) => {
    const system = new System();
    const model = newModel();
    for (const run of RUNS) await startAt(model, system, { run, worker: "a" });
    await fc.asyncModelRun(() => ({ model, real: system }), sequence);
    await system.conclude(model);
  });
  // Long ones from the beginning: what goes wrong is made short afterwards.
  await fc.assert(property, { numRuns: count, unbiased: true });
}
