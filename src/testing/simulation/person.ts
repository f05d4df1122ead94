/** Whoever starts runs, tells them things, and answers what they ask; often twice, and not always to the right process. */
import { isExecutusError } from "../../kernel/errors.ts";
import { isFinal } from "../../kernel/status.ts";
import type { RunRow } from "../../ports/store.ts";
import type { Wait } from "../../ports/waiting.ts";
import type { Command, RunHandle } from "../../run/types.ts";
import type { SeededRandom } from "../seeded-random.ts";
import { isForTomorrow } from "./delivery-watch.ts";
import { sleeps } from "./oracle.ts";
import type { World, Worker } from "./world.ts";

interface Told {
  readonly run: string;
  readonly command: Command;
  readonly id: string;
}

interface Wanted {
  /** `refused`: for good, by a budget or because it cannot be. */
  status: "wanted" | "started" | "refused";
  readonly begin: (worker: Worker) => Promise<RunHandle>;
}

/** Forks and follow-ups of a seed, so that what goes wrong can be looked through. */
const MOST_MORE = 2;

export class Person {
  /** Runs to be started, and how far that is. */
  readonly runs: Map<string, Wanted> = new Map();
  /** Why the first start was refused that was refused for good. */
  refused: string | undefined;
  readonly world: World;
  readonly #told: Told[] = [];
  /** What was said of each run's end. */
  readonly #results: { readonly run: string; readonly status: string }[] = [];

  constructor(world: World) {
    this.world = world;
  }

  start(run: string): void {
    const { world } = this;
    this.#want(run, ({ executor, agent }) => executor.start(agent, { ...world.requestOf(run), id: run }));
  }

  /** Once, or again: what begins it the first time begins it every time. */
  #want(run: string, begin: Wanted["begin"]): void {
    const wanted = this.runs.get(run) ?? { status: "wanted", begin };
    this.runs.set(run, wanted);
    const worker = this.#anyWorker();
    if (worker === undefined) return;
    this.world.log(`${run} is started at ${worker.host.name}`);
    this.world.expect(this.#begin(worker, run, wanted), `the start of ${run}`);
  }

  async #begin(worker: Worker, run: string, wanted: Wanted): Promise<void> {
    const { oracle } = this.world;
    let handle: RunHandle;
    try {
      handle = await wanted.begin(worker);
    } catch (error) {
      await this.#refused(run, wanted, error);
      throw error;
    }
    if (wanted.status !== "started") oracle.acknowledged.push({ run });
    wanted.status = "started";
    handle.result.then(
      ({ status }) => this.#results.push({ run, status }),
      (error: unknown) => oracle.problem(`the result of ${run} rejects, which it never must: ${String(error)}`),
    );
  }

  /** What is there already was begun without anybody hearing of it. */
  async #refused(run: string, wanted: Wanted, error: unknown): Promise<void> {
    if (!isExecutusError(error) || error.retryable || wanted.status !== "wanted") return;
    wanted.status = (await this.world.store.runs.get(run)) === undefined ? "refused" : "started";
    if (wanted.status === "refused") this.refused ??= error.message;
  }

  tell(run: string, command: Command, id: string): void {
    const worker = this.#anyWorker();
    if (worker === undefined) return;
    this.#told.push({ run, command, id });
    this.world.log(`${run} is told ${command.kind} (${id}) at ${worker.host.name}`);
    this.world.expect(this.#tell(worker, { run, command, id }), `${command.kind} ${id}`);
  }

  async #tell({ executor }: Worker, { run, command, id }: Told): Promise<void> {
    const result = await executor.send(run, command, { id });
    if (result === "accepted" || result === "duplicate") this.world.oracle.acknowledged.push({ run, entry: id });
  }

  /** Any of the things that people do. */
  async act(): Promise<void> {
    const { random } = this.world.schedule;
    if (this.runs.size === 0) return;
    const run = random.pick([...this.runs.keys()]);
    const id = `${run}-${this.#told.length}`;
    const what = random.next();
    if (what < 0.25) this.tell(run, steer(id, random), id);
    else if (what < 0.55) await this.answerAny();
    else if (what < 0.62) this.tell(run, { kind: "extend", steps: 2, timeMs: 10_000 }, id);
    else if (what < 0.66) this.tell(run, { kind: "cancel", reason: "enough" }, id);
    else if (what < 0.69) this.tell(run, { kind: "kill" }, id);
    else if (what < 0.75) this.start(run);
    else if (what < 0.8) this.#resume(run);
    else if (what < 0.92) await this.#actRarely(run, what);
    else this.#repeat();
  }

  async #actRarely(run: string, what: number): Promise<void> {
    if (what < 0.84) await this.#fork(run);
    else if (what < 0.88) this.#followUp(run);
    else if (what < 0.9) this.tell(run, { kind: "compact" }, `${run}-${this.#told.length}`);
    else await this.#redeliver();
  }

  /** From any event that the run has so far. */
  async #fork(run: string): Promise<void> {
    const { store, oracle, schedule } = this.world;
    const events = (await store.journal.read(run)).length;
    const id = this.#another(`${run}-fork`);
    if (events === 0 || id === undefined) return;
    const at = schedule.random.below(events);
    oracle.forks.asked(id, { original: run, events });
    this.world.log(`${run} is to be forked at ${at} as ${id}`);
    this.#want(id, ({ executor }) => executor.fork(run, { at, id }));
  }

  #followUp(run: string): void {
    const id = this.#another(`${run}-more`);
    if (id === undefined) return;
    const { world } = this;
    this.#want(id, ({ executor, agent }) => executor.start(agent, { ...world.requestOf(run), id, continues: run }));
  }

  #another(stem: string): string | undefined {
    const more = [...this.runs.keys()].filter((run) => run.includes("-fork") || run.includes("-more")).length;
    return more < MOST_MORE ? `${stem}-${more}` : undefined;
  }

  async #redeliver(): Promise<void> {
    const deliveries = await this.world.store.outbox.list({ limit: Infinity });
    const worker = this.#anyWorker();
    if (deliveries.length === 0 || worker === undefined) return;
    const { id } = this.world.schedule.random.pick(deliveries);
    this.world.expect(worker.executor.redeliver(id), `${id} is delivered again at ${worker.host.name}`);
  }

  /** The same once more, as a client does that has not heard an answer. */
  #repeat(): void {
    if (this.#told.length === 0) return;
    const { run, command, id } = this.world.schedule.random.pick(this.#told);
    this.tell(run, command, id);
  }

  #resume(run: string): void {
    const worker = this.#anyWorker();
    if (worker === undefined) return;
    this.world.expect(worker.executor.resume(run), `${run} is resumed at ${worker.host.name}`);
  }

  #anyWorker(): Worker | undefined {
    const alive = [...this.world.workers.values()].filter(({ host }) => !host.isDead);
    return alive.length === 0 ? undefined : this.world.schedule.random.pick(alive);
  }

  // --- answers -------------------------------------------------------------------------------------------------------

  async answerAny(): Promise<void> {
    const open = await this.#open();
    if (open.length > 0) this.#answer(...this.world.schedule.random.pick(open));
  }

  async answerAll(): Promise<void> {
    for (const [run, wait] of await this.#open()) this.#answer(run, wait);
  }

  async #open(): Promise<readonly (readonly [run: string, wait: Wait])[]> {
    const rows = await this.world.store.runs.list({ limit: Infinity });
    return rows
      .filter(({ status }) => status === "waiting")
      .flatMap((row) => waitsOf(row).map((wait) => [row.run, wait] as const));
  }

  #answer(run: string, wait: Wait): void {
    const { random } = this.world.schedule;
    const id = `re-${wait.id}-${random.below(3)}`;
    switch (wait.for) {
      case "approval":
        return this.tell(run, { kind: random.chance(0.7) ? "approve" : "deny", approval: wait.id }, id);
      case "question":
        return this.tell(
          run,
          { kind: "answer", question: wait.id, answer: wait.choices?.[0] ?? (random.chance(0.1) ? "stop" : "yes") },
          id,
        );
      case "resolution":
        return this.tell(
          run,
          {
            kind: "resolve",
            call: wait.call ?? wait.id,
            outcome: random.pick(["done", "failed", "retry"]),
            doubt: wait.doubt ?? 1,
          },
          id,
        );
      case "event":
        return this.tell(run, { kind: "signal", name: wait.text ?? "" }, id);
      case "time":
      case "child":
    }
  }

  // --- at the end ----------------------------------------------------------------------------------------------------

  /** Starts that were never acknowledged are tried again, as clients do. */
  insist(): void {
    for (const [run, { status, begin }] of this.runs) if (status === "wanted") this.#want(run, begin);
  }

  async isThrough(): Promise<boolean> {
    if ([...this.runs.values()].some(({ status }) => status === "wanted")) return false;
    const rows = await this.world.store.runs.list({ limit: Infinity });
    const { now } = this.world.schedule;
    if (!rows.every((row) => isFinal(row.status) || sleeps(row, rows, now))) return false;
    const { outbox } = this.world.store;
    return (await outbox.list({ status: ["pending"], limit: Infinity })).every((delivery) => isForTomorrow(delivery, now));
  }

  async conclude(): Promise<void> {
    for (const { run, status } of this.#results) {
      const row = await this.world.store.runs.get(run);
      if (isFinal(status as RunRow["status"]) && row?.status !== status)
        this.world.oracle.problem(`${run} was said to be ${status}, and is ${row?.status}`);
    }
  }
}

function steer(id: string, random: SeededRandom): Command {
  const content = `Mind ${id}.`;
  return {
    kind: "steer",
    content,
    ...(random.chance(0.3) ? { when: "now" } : {}),
    ...(random.chance(0.2) ? { pinned: true } : {}),
  };
}

function waitsOf({ waitingFor }: RunRow): readonly Wait[] {
  return waitingFor !== undefined && "waits" in waitingFor ? waitingFor.waits : [];
}
