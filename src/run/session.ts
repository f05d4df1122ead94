/**
 * One run in the hands of this process: its state, what is under way, and what came back.
 *
 * R1 `state` holds only what the store has acknowledged.
 * R2 One commit at a time; events get their sequence numbers here, because the owner is the only writer.
 */
import type { Blobs } from "../ports/blobs.ts";
import type { Clock } from "../ports/clock.ts";
import type { Files } from "../ports/files.ts";
import type { Compactor } from "../ports/compactor.ts";
import type { EventBody, RunEvent } from "../ports/events.ts";
import type { JsonValue } from "../ports/json.ts";
import type { ModelCandidate, ModelDelta } from "../ports/models.ts";
import type { OutputSchema, Schemas } from "../ports/output.ts";
import type { Observer } from "../ports/observer.ts";
import type { PendingEntry, Store } from "../ports/store.ts";
import type { Supervisor } from "../ports/supervision.ts";
import type { Tool, ToolInputCheck } from "../ports/tools.ts";
import type { InlineMcpServer, Permission } from "../ports/definition.ts";
import type { ToolSource } from "../ports/tool-source.ts";
import type { Now } from "../kernel/decide.ts";
import type { ChildEffect, Effect, EndChildEffect } from "../kernel/effects.ts";
import { evolve } from "../kernel/evolve.ts";
import { toArray } from "../kernel/list.ts";
import type { CallState, RunState } from "../kernel/state.ts";
import type { StepLog } from "../kernel/steps.ts";
import { SourceDesk } from "./source-desk.ts";
import { LazyTimers } from "./lazy-timers.ts";
import type { BudgetDesk, Refused } from "./ledger.ts";
import { tell, warn } from "./observers.ts";
import type { Redaction } from "./redaction.ts";
import type { Stopper } from "./stopper.ts";
import type { Circuits } from "./circuits.ts";
import type { ToolUses } from "./tool-uses.ts";
import type { Turns } from "./turns.ts";

/** The ports that a run cannot do without, filled in by the front door. */
export interface Foundation {
  readonly store: Store;
  readonly blobs: Blobs;
  readonly clock: Clock;
  /** Reads attachments that are somewhere else. Absent: only bytes and texts can be attached. */
  readonly files?: Files;
  /** Reads the schemas of structured answers; without it they are refused. */
  readonly schemas?: Schemas;
  /** Makes a tool source of an MCP server that an agent brings itself; without it such agents are refused. */
  readonly servers?: (server: InlineMcpServer) => ToolSource;
}

/** Runs that answer calls of other runs. */
export interface Children {
  /** Resolves once the child has ended and its parent has been told, waits itself, or is not wanted any more. */
  perform(session: Session, effect: ChildEffect | EndChildEffect, stopper: Stopper): Promise<readonly EventBody[]>;
}

export interface SessionPorts extends Foundation {
  readonly children: Children;
  readonly compactor?: Compactor;
  readonly budgets?: BudgetDesk;
  readonly permission?: Permission;
  readonly supervisor?: Supervisor;
  readonly observers: readonly Observer[];
  readonly turns: Turns;
  /** Absent when no secret is registered. */
  readonly redaction?: Redaction;
  readonly circuits: Circuits;
  readonly toolUses: ToolUses;
}

/** What an effect brought: the events to append, if the run still waits for them. */
export interface Arrival {
  readonly effect: Effect;
  readonly events: readonly EventBody[];
}

export interface Running {
  readonly effect: Effect;
  readonly stopper: Stopper;
}

export interface SessionOptions extends Code {
  readonly ports: SessionPorts;
  readonly state: RunState;
  readonly epoch: number;
  readonly steps: StepLog;
  /** Code of the run's tool sources, where it has any. */
  readonly sources: ReadonlyMap<string, ToolSource> | undefined;
  /** Of a changed definition, should the run be told to adopt it. */
  readonly adopted?: Code | undefined;
}

/** What a run calls, and the check of what it answers. */
export interface Code {
  readonly tools: ReadonlyMap<string, Tool>;
  /** Of an agent with phases: those of each phase. */
  readonly phaseTools?: readonly ReadonlyMap<string, Tool>[] | undefined;
  readonly candidates: ReadonlyMap<string, ModelCandidate>;
  /** The check of the final answer, where it must have a certain shape. */
  readonly output?: OutputSchema | undefined;
}

/** Arguments that were checked, and what their tool made of them. */
interface KeptInput {
  readonly ok: true;
  readonly call: string;
  readonly from: JsonValue;
  readonly value: unknown;
}

const NOW = Promise.resolve();

export type Stopping = "drain" | "drop";

export class Session {
  readonly ports: SessionPorts;
  readonly run: string;
  readonly epoch: number;
  readonly steps: StepLog;
  readonly desk: SourceDesk | undefined;
  readonly timers: LazyTimers;
  readonly running: Map<string, Running> = new Map();
  state: RunState;
  /** Set by shutdown (`drain`: let calls come back; `drop`: leave now) and by being fenced. */
  stopping: Stopping | undefined;
  fenced = false;
  /** The store had no room for what the last plan wanted to reserve: the next one says so. */
  refusal: Refused | undefined;
  #arrivals: Arrival[] = [];
  #entries: PendingEntry[] = [];
  /** Highest inbox position seen. */
  inboxPosition = -1;
  inboxChanged = false;
  /** Monotonic ms of the last sign of life of what is under way. */
  heardAt: number;
  #wake: (() => void) | undefined;
  #isNudged = false;
  #callIds: Set<string> | undefined;
  #started: string[] = [];
  #startedStep = -1;
  #inputs: KeptInput[] | undefined;
  #inputsStep = -1;
  #edits: Map<string, ToolInputCheck> | undefined;
  #code: Code;
  readonly #adopted: Code | undefined;
  readonly #startedAt: number;
  readonly #startedWall: number;
  readonly #activeBefore: number;

  constructor(options: SessionOptions) {
    this.ports = options.ports;
    this.run = options.state.run;
    this.epoch = options.epoch;
    this.steps = options.steps;
    const { tools, phaseTools, candidates, output } = options;
    this.#code = { tools, phaseTools, candidates, output };
    this.#adopted = options.adopted;
    this.desk = options.sources === undefined ? undefined : new SourceDesk(options.sources);
    this.state = options.state;
    this.timers = new LazyTimers(options.ports.clock);
    this.#startedAt = options.ports.clock.monotonic();
    this.heardAt = this.#startedAt;
    this.#startedWall = options.ports.clock.now();
    this.#activeBefore = options.state.activeMs;
  }

  /** The start is durable: the state is what it led to, and whoever watches is told. */
  begin(state: RunState, events: readonly EventBody[], added: readonly EventBody[] = []): void {
    const header = { epoch: this.epoch, at: Math.round(this.#startedWall), activeMs: state.activeMs };
    this.state = added.reduce((next, event) => evolve(next, { ...header, seq: next.seq + 1 }, event), state);
    this.publish([...events, ...added].map((event, seq): RunEvent => ({ ...event, ...header, seq })));
    for (const event of added) if (event.type === "durability.lost") this.warn(`this run is not kept: ${event.reason}`);
  }

  /** The code of the tools there are now: those of the current phase, and those of open sources. */
  get tools(): ReadonlyMap<string, Tool> {
    const { phase } = this.state;
    const { tools, phaseTools } = this.#code;
    const own = (phase === undefined ? undefined : phaseTools?.[phase.index]) ?? tools;
    return this.desk === undefined ? own : this.desk.toolsBeside(own);
  }

  get candidates(): ReadonlyMap<string, ModelCandidate> {
    return this.#code.candidates;
  }

  get output(): OutputSchema | undefined {
    return this.#code.output;
  }

  /** A person decided for the changed definition. */
  adopt(): void {
    this.#code = this.#adopted ?? this.#code;
  }

  publish(events: readonly RunEvent[]): void {
    tell(this.ports.observers, this.run, (observer) => observer.events?.(this.run, events));
  }

  /** Wall time within an attempt follows the monotonic clock, so that a jump of the system clock moves no deadline. */
  now(): Now {
    const elapsed = this.ports.clock.monotonic() - this.#startedAt;
    const heardMs = Math.round(this.#activeBefore + this.heardAt - this.#startedAt);
    return { activeMs: Math.round(this.#activeBefore + elapsed), at: Math.round(this.#startedWall + elapsed), heardMs };
  }

  arrive(arrival: Arrival): void {
    this.#arrivals.push(arrival);
    this.nudge();
  }

  receive(entries: readonly PendingEntry[]): void {
    for (const entry of entries) this.inboxPosition = Math.max(this.inboxPosition, entry.position);
    this.#entries.push(...entries);
  }

  /** What came in so far, out of the way of what comes in while it is being committed. */
  take(): { readonly arrivals: readonly Arrival[]; readonly entries: readonly PendingEntry[] } {
    const taken = { arrivals: this.#arrivals, entries: this.#entries };
    this.#arrivals = [];
    this.#entries = [];
    return taken;
  }

  putBack(arrivals: readonly Arrival[], entries: readonly PendingEntry[]): void {
    this.#arrivals = [...arrivals, ...this.#arrivals];
    this.#entries = [...entries, ...this.#entries];
  }

  /** Nothing has come in that was not taken yet. */
  get isQuiet(): boolean {
    return this.#arrivals.length === 0 && this.#entries.length === 0 && !this.inboxChanged;
  }

  /** Something happened: look again. */
  nudge(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    if (wake === undefined) this.#isNudged = true;
    else wake();
  }

  /** Resolves at the next nudge, or at once if there was one since the last call. */
  nudged(): Promise<void> {
    if (this.#isNudged) {
      this.#isNudged = false;
      return NOW;
    }
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /**
   * The last line of defence of the promise that a call is never silently repeated: whatever else goes wrong, this process
   * starts no call a second time.
   */
  mayStart(effect: Effect): boolean {
    if (effect.kind !== "tool") return true;
    if (this.#startedStep !== this.state.step) {
      this.#startedStep = this.state.step;
      this.#started = [];
    }
    if (this.#started.includes(effect.id)) return false;
    this.#started.push(effect.id);
    return true;
  }

  /** Arguments that were checked and parsed with the answer, until the call starts. */
  keepInput(call: string, from: JsonValue, value: unknown): void {
    const kept = { ok: true, call, from, value } as const;
    // What was kept of an earlier step is of calls that were never run.
    if (this.#inputs === undefined || this.#inputsStep !== this.state.step) this.#inputs = [kept];
    else this.#inputs.push(kept);
    this.#inputsStep = this.state.step;
  }

  /** Undefined for a call of an earlier attempt, or with other arguments by now: they are to be checked again. */
  takeInput({ id, input }: CallState): KeptInput | undefined {
    const inputs = this.#inputs ?? [];
    const kept = inputs.find(({ call }) => call === id);
    if (kept === undefined) return undefined;
    this.#inputs = inputs.length === 1 ? undefined : inputs.filter((other) => other !== kept);
    return kept.from === input ? kept : undefined;
  }

  /** What the tool said to arguments that a person gave it, by inbox entry. */
  keepEdit(entry: string, check: ToolInputCheck): void {
    this.#edits ??= new Map();
    this.#edits.set(entry, check);
  }

  editOf(entry: string): ToolInputCheck | undefined {
    return this.#edits?.get(entry);
  }

  /** Ids that calls already have towards providers. */
  callIds(): Set<string> {
    this.#callIds ??= collectCallIds(this.state);
    return this.#callIds;
  }

  stop(how: Stopping): void {
    if (this.stopping === "drop") return;
    this.stopping = how;
    this.nudge();
  }

  /** Somebody else has the run. */
  lose(): void {
    this.fenced = true;
    this.nudge();
  }

  warn(message: string): void {
    warn(this.ports, this.run, message);
  }

  delta(attempt: number, delta: ModelDelta): void {
    const origin = { run: this.run, step: this.state.step, attempt };
    tell(this.ports.observers, this.run, (observer) => observer.delta?.(origin, delta));
  }
}

function collectCallIds(state: RunState): Set<string> {
  const ids = new Set<string>();
  for (const message of toArray(state.messages)) {
    if (message.role !== "assistant") continue;
    for (const part of message.content) if (part.type === "tool-call") ids.add(part.toolCallId);
  }
  return ids;
}
