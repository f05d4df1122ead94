/** Looks at everything that happens in a simulated world, and says what must not have happened. */
import { isFinal } from "../../kernel/status.ts";
import type { MemoryStore } from "../../adapters/store/memory.ts";
import type { RunEvent } from "../../ports/events.ts";
import type { RunRow } from "../../ports/store.ts";
import type { ModelCall } from "../../ports/models.ts";
import type { Reconciliation, Tool, ToolContext } from "../../ports/tools.ts";
import { checkRun, describeViolations, storeViolations } from "../invariants.ts";
import { findUnpaired } from "../invariants-calls.ts";
import { entryOf } from "../invariants-journal.ts";
import { DeliveryWatch } from "./delivery-watch.ts";
import { ForkWatch } from "./fork-watch.ts";
import { BEGINNING, type Host } from "./host.ts";
import { LedgerWatch } from "./ledger-watch.ts";
import type { Premises } from "./simulated-store.ts";
import { LONG_MS, type Scene, type Watched } from "./scene.ts";
import { SourceWatch } from "./source-watch.ts";
import { SupervisionWatch } from "./supervision-watch.ts";

/** Something that somebody was told is durable. */
export interface Acknowledged {
  readonly run: string;
  /** Of the inbox entry; absent: the start of the run. */
  readonly entry?: string;
}

interface Reconciled {
  readonly found: Reconciliation["outcome"];
  readonly before: "done" | "begun" | "nothing";
}

/** From when a request is made until it is seen, ms. */
const SLOWEST_MS = 20_000;

/** It sleeps for so long because the clock of a process said that it was tomorrow; or its children do. */
export function sleeps({ status, waitingFor, dueAt = 0 }: RunRow, rows: readonly RunRow[], now: number): boolean {
  if (status !== "waiting" || waitingFor === undefined) return false;
  if (waitingFor.kind === "time") return dueAt > BEGINNING + now + LONG_MS;
  if (waitingFor.kind !== "child") return false;
  return waitingFor.runs.every((run) => rows.some((row) => row.run === run && sleeps(row, rows, now)));
}

function describeStuck({ run, status, owner = "nobody", waitingFor }: RunRow): string {
  return `${run} does not end: it is ${status}, owner ${owner}, waiting for ${JSON.stringify(waitingFor)}`;
}

export class Oracle implements Scene {
  /** The first is the one to look at. */
  readonly problems: string[] = [];
  readonly acknowledged: Acknowledged[] = [];
  /** Effects of processes that had lost their run before: they cannot be undone, only recognised by their key. */
  lateEffects = 0;
  readonly runs: Map<string, Watched> = new Map();
  readonly store: MemoryStore;
  readonly deliveries: DeliveryWatch;
  readonly sources: SourceWatch;
  readonly ledger: LedgerWatch;
  readonly forks: ForkWatch;
  readonly supervision: SupervisionWatch;
  readonly #premises: Premises;
  readonly #changed = new Set<string>();
  /** By idempotency key. */
  readonly #intents = new Map<string, number>();
  readonly #executions = new Map<string, number>();
  readonly #done = new Set<string>();

  /** `store` is a handle of its own. */
  constructor(premises: Premises, store: MemoryStore) {
    this.#premises = premises;
    this.store = store;
    this.deliveries = new DeliveryWatch(this);
    this.sources = new SourceWatch(this);
    this.ledger = new LedgerWatch(this);
    this.forks = new ForkWatch(this);
    this.supervision = new SupervisionWatch(this);
    store.journal.watch(undefined, (run) => this.#changed.add(run));
  }

  problem(message: string): void {
    this.problems.push(message);
  }

  owns(host: Host, run: string): boolean {
    return this.#premises.owners.get(run)?.host === host;
  }

  // --- what agents do ------------------------------------------------------------------------------------------------

  /** A call begins: its process must not know better. */
  called(tool: Tool, { run, call, attempt }: ToolContext, host: Host): void {
    this.sources.called(run, tool.name, host);
    this.forks.called(tool, run, call);
    const owner = this.#premises.owners.get(run);
    if (owner?.host !== host || owner.epoch !== attempt) return;
    const state = this.runs.get(run)?.check.state?.calls.find(({ id }) => id === call);
    if (state === undefined || state.status === "ended")
      this.problem(`${host.name} runs the call ${call} of ${run} (${tool.name}), which has its result already`);
    else if (tool.effect === "once" && state.status !== "started")
      this.problem(`${host.name} runs the call ${call} of ${run} (${tool.name}), and no intent of it is durable`);
  }

  tookEffect(tool: Tool, { run, call, attempt, idempotencyKey: key }: ToolContext, host: Host): void {
    const times = (this.#executions.get(key) ?? 0) + 1;
    this.#executions.set(key, times);
    const owner = this.#premises.owners.get(run);
    if (owner?.host !== host || owner.epoch !== attempt) this.lateEffects++;
    const intents = this.#intents.get(key) ?? 0;
    if (tool.effect === "once" && times > intents)
      this.problem(
        `the call ${call} of ${run} (${tool.name}) took effect ${times} times, and its journal has ${intents} intents`,
      );
  }

  /** It came back without an error. */
  hasDone({ idempotencyKey }: ToolContext): void {
    this.#done.add(idempotencyKey);
  }

  becameOf({ idempotencyKey: key }: ToolContext): "done" | "begun" | "nothing" {
    if (this.#done.has(key)) return "done";
    return this.#executions.has(key) ? "begun" : "nothing";
  }

  /** What a tool says about a call, and what had become of it when it was asked. */
  reconciled({ name }: Tool, context: ToolContext, { found, before }: Reconciled): void {
    const { run, call } = context;
    if (found === "not-done" && before === "done")
      this.problem(`\`reconcile\` of ${name} says that the call ${call} of ${run} is not done, and it is`);
    else if (found === "done" && this.becameOf(context) === "nothing")
      this.problem(`\`reconcile\` of ${name} says that the call ${call} of ${run} is done, and it never began`);
  }

  modelCalled(call: ModelCall, host: Host): void {
    const { run, step, messages } = call;
    const unpaired = findUnpaired(messages);
    if (unpaired !== undefined) this.problem(`the model is called for step ${step} of ${run}, and ${unpaired}`);
    const state = this.runs.get(run)?.check.state;
    const isHis = this.#premises.owners.get(run)?.host === host && !this.#premises.losers.has(`${host.name} ${run}`);
    if (isHis && state !== undefined && state.step > step)
      this.problem(`${host.name} calls the model for step ${step} of ${run}, which was answered`);
    if (isHis) this.supervision.modelCalled(call);
  }

  // --- what is kept --------------------------------------------------------------------------------------------------

  /** After everything that happens: what changed is as it must be. */
  async look(): Promise<void> {
    if (this.#changed.size === 0) return;
    const changed = [...this.#changed];
    this.#changed.clear();
    for (const run of changed) await this.#lookAt(run);
    await this.ledger.look();
  }

  async #lookAt(run: string): Promise<void> {
    const known = this.runs.get(run) ?? {
      check: checkRun(run),
      closings: new Map(),
      since: this.#premises.schedule.now,
      seen: 0,
      reported: 0,
    };
    this.runs.set(run, known);
    const { journal, runs, inbox, outbox, owners } = this.store;
    const events = await journal.read(run, { after: known.seen - 1 });
    known.seen += events.length;
    known.check.see(events);
    for (const event of events) await this.#note(run, known, event);
    this.#timeIsReal(run, known, events.at(-1));
    const [row, pending, deliveries] = [await runs.get(run), await inbox.pending(run), await outbox.list({ run })];
    if (row === undefined) return;
    const isLeft = row.owner === undefined && !isFinal(row.status);
    const isOrphan = isLeft ? { isOrphan: (await owners.orphans(Infinity)).includes(run) } : {};
    known.check.compare({ events: [], row, inbox: pending, outbox: deliveries, ...isOrphan });
    const found = known.check.found.slice(known.reported);
    known.reported += found.length;
    if (found.length > 0) this.problem(describeViolations(found));
  }

  /** Whatever wall clocks say, a run has not run for longer than it has been there. */
  #timeIsReal(run: string, { since }: Watched, last: RunEvent | undefined): void {
    const there = this.#premises.schedule.now - since + SLOWEST_MS;
    if (last !== undefined && last.activeMs > there)
      this.problem(`${run} is charged ${last.activeMs} ms of running time, and was begun less than ${Math.ceil(there)} ms ago`);
  }

  async #note(run: string, { closings }: Watched, event: RunEvent): Promise<void> {
    await this.forks.note(run, event);
    this.supervision.note(run, event);
    // What was copied are the intents of another run.
    if (event.type === "run.forked")
      for (const key of this.#intents.keys()) if (key.startsWith(`${run}:`)) this.#intents.delete(key);
    if (event.type === "source.closed") closings.set(event.source, event);
    if (event.type !== "tool.started") return;
    const key = `${run}:${event.call}`;
    this.#intents.set(key, (this.#intents.get(key) ?? 0) + 1);
  }

  /** More has happened than can be waited for. */
  async goesOn(): Promise<void> {
    const { now, taken } = this.#premises.schedule;
    const world = `${taken} things have happened within ${Math.ceil(now)} virtual ms, and it is not over`;
    const [most] = [...this.runs].toSorted(([, a], [, b]) => b.seen - a.seen);
    if (most === undefined) return this.problem(`${world}, though no run was begun`);
    const [run, { seen }] = most;
    const lately = (await this.store.journal.read(run, { after: seen - 5 })).map(({ type }) => type);
    this.problem(`${world}: ${run} has ${seen} events, the last of them ${lately.join(", ")}. Let it wait longer, or less often`);
  }

  // --- at the end ----------------------------------------------------------------------------------------------------

  /** Once more from the beginning, and everything that was promised. */
  async conclude(): Promise<void> {
    await this.look();
    const found = await storeViolations(this.store);
    if (found.length > 0) this.problem(describeViolations(found));
    this.sources.conclude();
    await this.deliveries.conclude(this.#premises.schedule.now);
    const rows = await this.store.runs.list({ limit: Infinity });
    await this.ledger.conclude(rows);
    for (const row of rows) {
      await this.#isOfOneCall(row);
      if (isFinal(row.status)) this.#endsAsTold(row.run, row.status);
      else if (!sleeps(row, rows, this.#premises.schedule.now)) this.problem(describeStuck(row));
    }
    for (const promise of this.acknowledged) await this.#isKept(promise);
  }

  /** A child answers the one call of its parent that started it. */
  async #isOfOneCall({ run, parent }: RunRow): Promise<void> {
    if (parent === undefined) return;
    const events = await this.store.journal.read(parent);
    const starts = events.filter((event) => event.type === "child.started" && event.run === run).length;
    if (starts !== 1) this.problem(`${run} is a child of ${parent}, whose journal starts it ${starts} times`);
  }

  async #isKept({ run, entry }: Acknowledged): Promise<void> {
    const events = await this.store.journal.read(run);
    if (events.length === 0) this.problem(`the start of ${run} was acknowledged, and there is no such run`);
    if (entry === undefined || events.some((event) => entryOf(event) === entry)) return;
    const pending = await this.store.inbox.pending(run);
    if (!pending.some(({ id }) => id === entry)) this.problem(`${entry} was acknowledged, and ${run} never heard of it`);
  }

  /** Who stops a run sees it stopped, unless it could not go on anyway. */
  #endsAsTold(run: string, status: string): void {
    const cancel = this.runs.get(run)?.check.state?.cancel;
    if (cancel === undefined || status === "poisoned") return;
    const expected = cancel.mode === "kill" ? "killed" : "cancelled";
    if (status !== expected) this.problem(`${run} was told to end (${cancel.mode}), and is ${status}`);
  }
}
