/** Whoever starts runs, tells them things, and answers what they ask; often twice, and not always to the right process. */
import { isFinal } from "../../kernel/status.ts";
import type { RunRow } from "../../ports/store.ts";
import type { Wait } from "../../ports/waiting.ts";
import type { Command } from "../../run/types.ts";
import { sleeps } from "./oracle.ts";
import type { World, Worker } from "./world.ts";

interface Told {
  readonly run: string;
  readonly command: Command;
  readonly id: string;
}

export class Person {
  /** Runs to be started, and whether that was acknowledged. */
  readonly runs: Map<string, boolean> = new Map();
  readonly #world: World;
  readonly #told: Told[] = [];
  /** What was said of each run's end. */
  readonly #results: { readonly run: string; readonly status: string }[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  start(run: string): void {
    this.runs.set(run, this.runs.get(run) ?? false);
    const worker = this.#anyWorker();
    if (worker === undefined) return;
    this.#world.log(`${run} is started at ${worker.host.name}`);
    this.#world.expect(this.#start(worker, run), `the start of ${run}`);
  }

  async #start({ executor, agent }: Worker, run: string): Promise<void> {
    const { oracle, request } = this.#world;
    const handle = await executor.start(agent, { ...request, id: run });
    if (this.runs.get(run) === false) oracle.acknowledged.push({ run });
    this.runs.set(run, true);
    handle.result.then(
      ({ status }) => this.#results.push({ run, status }),
      (error: unknown) => oracle.problem(`the result of ${run} rejects, which it never must: ${String(error)}`),
    );
  }

  tell(run: string, command: Command, id: string): void {
    const worker = this.#anyWorker();
    if (worker === undefined) return;
    this.#told.push({ run, command, id });
    this.#world.log(`${run} is told ${command.kind} (${id}) at ${worker.host.name}`);
    this.#world.expect(this.#tell(worker, { run, command, id }), `${command.kind} ${id}`);
  }

  async #tell({ executor }: Worker, { run, command, id }: Told): Promise<void> {
    const result = await executor.send(run, command, { id });
    if (result === "accepted" || result === "duplicate") this.#world.oracle.acknowledged.push({ run, entry: id });
  }

  /** Any of the things that people do. */
  async act(): Promise<void> {
    const { random } = this.#world.schedule;
    if (this.runs.size === 0) return;
    const run = random.pick([...this.runs.keys()]);
    const id = `${run}-${this.#told.length}`;
    const what = random.next();
    if (what < 0.25)
      this.tell(run, { kind: "steer", content: `Mind ${id}.`, ...(random.chance(0.3) ? { when: "now" } : {}) }, id);
    else if (what < 0.55) await this.answerAny();
    else if (what < 0.62) this.tell(run, { kind: "extend", steps: 2, timeMs: 10_000 }, id);
    else if (what < 0.66) this.tell(run, { kind: "cancel", reason: "enough" }, id);
    else if (what < 0.69) this.tell(run, { kind: "kill" }, id);
    else if (what < 0.75) this.start(run);
    else if (what < 0.8) this.#resume(run);
    else this.#repeat();
  }

  /** The same once more, as a client does that has not heard an answer. */
  #repeat(): void {
    if (this.#told.length === 0) return;
    const { run, command, id } = this.#world.schedule.random.pick(this.#told);
    this.tell(run, command, id);
  }

  #resume(run: string): void {
    const worker = this.#anyWorker();
    if (worker === undefined) return;
    this.#world.expect(worker.executor.resume(run), `${run} is resumed at ${worker.host.name}`);
  }

  #anyWorker(): Worker | undefined {
    const alive = [...this.#world.workers.values()].filter(({ host }) => !host.isDead);
    return alive.length === 0 ? undefined : this.#world.schedule.random.pick(alive);
  }

  // --- answers -------------------------------------------------------------------------------------------------------

  async answerAny(): Promise<void> {
    const open = await this.#open();
    if (open.length > 0) this.#answer(...this.#world.schedule.random.pick(open));
  }

  async answerAll(): Promise<void> {
    for (const [run, wait] of await this.#open()) this.#answer(run, wait);
  }

  async #open(): Promise<readonly (readonly [run: string, wait: Wait])[]> {
    const rows = await this.#world.store.runs.list({ limit: Infinity });
    return rows
      .filter(({ status }) => status === "waiting")
      .flatMap((row) => waitsOf(row).map((wait) => [row.run, wait] as const));
  }

  #answer(run: string, wait: Wait): void {
    const { random } = this.#world.schedule;
    const id = `re-${wait.id}-${random.below(3)}`;
    switch (wait.for) {
      case "approval":
        return this.tell(run, { kind: random.chance(0.7) ? "approve" : "deny", approval: wait.id }, id);
      case "question":
        return this.tell(run, { kind: "answer", question: wait.id, answer: wait.choices?.[0] ?? "yes" }, id);
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
    for (const [run, isStarted] of this.runs) if (!isStarted) this.start(run);
  }

  async isThrough(): Promise<boolean> {
    if (![...this.runs.values()].every(Boolean)) return false;
    const rows = await this.#world.store.runs.list({ limit: Infinity });
    const { now } = this.#world.schedule;
    if (!rows.every((row) => isFinal(row.status) || sleeps(row, rows, now))) return false;
    const { outbox } = this.#world.store;
    return (await outbox.list({ status: ["pending"], limit: 1 })).length === 0;
  }

  async conclude(): Promise<void> {
    for (const { run, status } of this.#results) {
      const row = await this.#world.store.runs.get(run);
      if (isFinal(status as RunRow["status"]) && row?.status !== status)
        this.#world.oracle.problem(`${run} was said to be ${status}, and is ${row?.status}`);
    }
  }
}

function waitsOf({ waitingFor }: RunRow): readonly Wait[] {
  return waitingFor !== undefined && "waits" in waitingFor ? waitingFor.waits : [];
}
