/** Two real executors with one store, as sequences of commands see them. */
import assert from "node:assert/strict";
import { toArray } from "../../src/kernel/list.ts";
import { isFinal } from "../../src/kernel/status.ts";
import type { Agent, Executor } from "../../src/run/types.ts";
import { faultyStore } from "../../src/testing/faulty-store.ts";
import { storeViolations } from "../../src/testing/invariants.ts";
import { entryOf } from "../../src/testing/invariants-journal.ts";
import { createWorld, type World } from "../../src/testing/world.ts";
import { foldJournal } from "../../src/run/result.ts";
import { endingOf, type Model, statusOf, WORK_MS, type WorkerName } from "./command-model.ts";
import { makeAgent, makeTool } from "./world.ts";

interface Worker {
  readonly executor: Executor;
  readonly agent: Agent;
  readonly die: () => void;
}

const SCRIPT = [{ calls: [{ name: "gate" }] }, { calls: [{ name: "work" }] }, { text: "done" }];
const TURNS = 40;

export class System {
  readonly world: World;
  /** Keys of calls that took effect. */
  readonly effects: string[] = [];
  readonly #workers = new Map<WorkerName, Worker>();
  #incarnation = 0;

  constructor() {
    this.world = createWorld(SCRIPT);
    for (const name of ["a", "b"] as const) this.boot(name);
  }

  boot(name: WorkerName): void {
    const { clock, blobs } = this.world;
    const store = this.world.store.peer(`${name}/${++this.#incarnation}`);
    let isDead = false;
    const agents = ["even", "odd"].map((kind) => this.#agent(kind));
    const { executor } = createWorld(SCRIPT, {
      agents,
      from: { clock, blobs, store },
      // A process that has died hears nothing any more, and does nothing.
      through: (inner) => faultyStore(inner, [{ method: "*", hang: true, only: () => isDead }]),
    });
    const die = (): void => {
      isDead = true;
      store.die();
    };
    this.#workers.set(name, { executor, agent: agents[0] as Agent, die });
  }

  /** Runs whose id ends with `even` may repeat their work after a crash. */
  #agent(kind: string): Agent {
    const { clock } = this.world;
    const gate = makeTool("gate", async (_input, { idempotencyKey }) => this.effects.push(idempotencyKey), {
      approval: "always",
    });
    const work = makeTool(
      "work",
      (_input, { signal }) =>
        new Promise((resolve, reject) => {
          clock.after(WORK_MS, () => resolve("worked"));
          signal.addEventListener("abort", () => reject(signal.reason as Error));
        }),
      { effect: kind === "even" ? "read" : "once" },
    );
    return { ...makeAgent([gate, work], { timeMs: 10_000_000, recoveries: 1_000 }), name: kind };
  }

  worker(name: WorkerName): Worker {
    const worker = this.#workers.get(name);
    if (worker === undefined) throw new Error(`there is no worker ${name}`);
    return worker;
  }

  agentFor(run: string): Agent {
    return this.#agent(run.endsWith("even") ? "even" : "odd");
  }

  /** Everything that can happen without somebody and without time has happened. */
  async rest(): Promise<void> {
    for (let i = 0; i < TURNS; i++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** The system is where the model is. */
  async compare(model: Model): Promise<void> {
    await this.rest();
    const { store } = this.world;
    assert.deepEqual(await storeViolations(store), []);
    for (const [run, expected] of model.runs) {
      assert.equal((await store.runs.get(run))?.status, statusOf(expected), `how ${run} stands`);
      const heard = (await store.journal.read(run)).map(entryOf).filter((id) => id !== undefined);
      const pending = (await store.inbox.pending(run)).map(({ id }) => id);
      assert.deepEqual([...heard, ...pending].toSorted(), [...expected.told].toSorted(), `what ${run} was told`);
    }
    const twice = this.effects.filter((key, i) => this.effects.indexOf(key) !== i);
    assert.deepEqual(twice, [], "gates opened twice");
  }

  /** When everybody lives, is answered, and time goes by, every run ends, and has heard what it was told. */
  async conclude(model: Model): Promise<void> {
    const { store, clock } = this.world;
    for (const name of ["a", "b"] as const) {
      this.worker(name).die();
      this.boot(name);
    }
    for (let round = 0; round < 20; round++) {
      await this.worker("a").executor.recover();
      await this.rest();
      const rows = await store.runs.list({ limit: Infinity });
      if (rows.every(({ status }) => isFinal(status))) break;
      for (const { run, waitingFor } of rows) {
        const waits = waitingFor !== undefined && "waits" in waitingFor ? waitingFor.waits : [];
        for (const { id } of waits) await this.worker("a").executor.send(run, { kind: "approve", approval: id });
      }
      await this.rest();
      clock.advance(WORK_MS);
      await this.rest();
    }
    for (const { run, status } of await store.runs.list({ limit: Infinity })) assert.ok(isFinal(status), `${run} is ${status}`);
    await this.#endedAsTold(model);
    assert.deepEqual(await storeViolations(store), []);
    await this.#steersWereSeen();
  }

  async #endedAsTold({ runs }: Model): Promise<void> {
    const { store } = this.world;
    for (const [run, { ending, pendingStop }] of runs) {
      const expected = ending ?? (pendingStop === undefined ? "completed" : endingOf(pendingStop));
      assert.equal((await store.runs.get(run))?.status, expected, `how ${run} ended`);
    }
  }

  async #steersWereSeen(): Promise<void> {
    const { store } = this.world;
    for (const { run, status } of await store.runs.list({ status: ["completed"], limit: Infinity })) {
      const events = await store.journal.read(run);
      const said = JSON.stringify(toArray(foldJournal(events)?.state.messages ?? { length: 0, items: [] }));
      const unseen = events.filter((event) => event.type === "steer.received" && !said.includes(event.id));
      assert.deepEqual(unseen, [], `what ${run} (${status}) was steered with and its model never saw`);
    }
  }
}
