/** What all parts of one executor share. */
import { warn } from "./observers.ts";
import { ExecutusError } from "../kernel/errors.ts";
import type { AgentSnapshot } from "../ports/agent.ts";
import type { ModelCandidate } from "../ports/models.ts";
import type { OutputSchema } from "../ports/output.ts";
import type { Tool } from "../ports/tools.ts";
import { Circuits } from "./circuits.ts";
import { checkBudgets } from "./budget-accounts.ts";
import type { BudgetDesk } from "./ledger.ts";
import { Deliverer } from "./deliverer.ts";
import { Redaction, withCleanInbox } from "./redaction.ts";
import { checkPermission } from "./permission.ts";
import type { ToolSource } from "../ports/tool-source.ts";
import { ToolUses } from "./tool-uses.ts";
import { Turns } from "./turns.ts";
import type { Children, Foundation, Session, SessionPorts } from "./session.ts";
import type { Agent, ExecutorConfig, RecoveryReport, RunHandle } from "./types.ts";

export interface Live {
  readonly session: Session;
  readonly handle: RunHandle;
}

export interface Definition {
  /** What it follows from, besides the agent. */
  readonly parts: readonly unknown[];
  readonly snapshot: AgentSnapshot;
  readonly tools: ReadonlyMap<string, Tool>;
  readonly phaseTools?: readonly ReadonlyMap<string, Tool>[];
  readonly output: OutputSchema | undefined;
  readonly candidates: ReadonlyMap<string, ModelCandidate>;
  readonly sources: ReadonlyMap<string, ToolSource> | undefined;
}

/** Who wants a run driven: a person or program by name, the run itself (it is due, or was told something), or its lane. */
export type TakenBy = "somebody" | "itself" | "lane" | "sweep";

/** The engine in this process: which runs it goes on with, and when. What it is told is a hint; the store knows. */
export interface Engine {
  /** Drive a run here: the live one, or one that is taken over now. However many ask at once, it is taken over once. */
  take(run: string, by?: TakenBy): Promise<RunHandle>;
  /** The run may have been told something, or what it waits for may have come about. */
  wake(run: string): void;
  /** This process has just left the run waiting. */
  parked(session: Session): Promise<void>;
  /** Take over what nobody drives. */
  recover(): Promise<RecoveryReport>;
  /** From here on nothing is taken over; resolves once what was about to be is there. */
  stop(): Promise<void>;
}

/** Runs that wait for their turn in a lane. */
export interface QueuedRuns {
  /** A run that this process has queued. `then` is told once it is driven here, without a handle when that is not to be. */
  add<T>(run: string, definition: Definition, then: (handle: RunHandle | undefined) => Promise<T>): Promise<T>;
  /** Code and models of a run that this process has queued. */
  definitionOf(run: string): Definition | undefined;
  /** A run that is to go on, and for which its lane had no room. */
  postpone(run: string): void;
  /** There may be room, or something to take. */
  kick(): void;
  readonly isStopped: boolean;
  /** From here on nothing begins. */
  stop(): Promise<void>;
}

export interface Core extends Foundation {
  readonly config: ExecutorConfig;
  readonly ports: SessionPorts;
  /** Runs that this process drives now. */
  readonly live: Map<string, Live>;
  /** Runs that this process is letting go; each resolves once others may have it. */
  readonly leaving: Map<string, Promise<void>>;
  readonly engine: Engine;
  readonly deliverer: Deliverer;
  readonly queue: QueuedRuns;
  /** Runs of one agent with the same tools share what follows from it. */
  readonly definitions: WeakMap<Agent, Definition>;
  /** Agents that began runs here, by name: their code, for runs that waited, where the config does not say it. */
  readonly begun: Map<string, Agent>;
}

/** What needs the core itself; each is made when it is first asked for. */
export interface Parts {
  readonly engine: (core: Core) => Engine;
  readonly queue: (core: Core) => QueuedRuns;
  readonly children: (core: Core) => Children;
}

export function createCore(config: ExecutorConfig, given: Foundation, parts: () => Parts): Core {
  const redaction = config.secrets === undefined ? undefined : new Redaction(config.secrets);
  const foundation = redaction === undefined ? given : { ...given, store: withCleanInbox(given.store, redaction) };
  const observers = config.observers ?? [];
  const budgets = openDesk(config, foundation);
  const ports: SessionPorts = {
    ...foundation,
    observers,
    turns: new Turns(foundation.clock),
    circuits: new Circuits(),
    toolUses: new ToolUses(),
    ...(budgets === undefined ? {} : { budgets }),
    ...(redaction === undefined ? {} : { redaction }),
    ...(config.permission === undefined ? {} : { permission: checkPermission(config.permission) }),
    ...(config.compactor === undefined || config.compactor === false ? {} : { compactor: config.compactor }),
    ...(config.supervisor === undefined ? {} : { supervisor: config.supervisor }),
    get children() {
      children ??= parts().children(core);
      return children;
    },
  };
  let children: Children | undefined;
  let engine: Engine | undefined;
  let queue: QueuedRuns | undefined;
  const core: Core = {
    config,
    ...foundation,
    ports,
    live: new Map(),
    leaving: new Map(),
    definitions: new WeakMap(),
    begun: new Map(),
    deliverer: createDeliverer(config, ports),
    get queue() {
      queue ??= parts().queue(core);
      return queue;
    },
    get engine() {
      engine ??= parts().engine(core);
      return engine;
    },
  };
  return core;
}

function openDesk({ budgets = [], ledger }: ExecutorConfig, { store }: Foundation): BudgetDesk | undefined {
  if (budgets.length === 0) return undefined;
  checkBudgets(budgets);
  if (ledger !== undefined) return { budgets, ledger };
  if (store.budgets !== undefined) return { budgets };
  const hint = "Give `createExecutor` a `ledger` of your own, or a store that keeps one.";
  throw new ExecutusError("budget_invalid", "there are budgets, but this store keeps no ledger", { hint });
}

function createDeliverer({ delivery = { adapters: [] } }: ExecutorConfig, ports: SessionPorts): Deliverer {
  const { store, clock, redaction } = ports;
  return new Deliverer({
    ...delivery,
    outbox: store.outbox,
    clock,
    warn: (run, message) => warn(ports, run, message),
    clean: (said) => redaction?.data(said) ?? said,
  });
}
