/** What all parts of one executor share. */
import type { AgentSnapshot } from "../ports/agent.ts";
import type { Blobs } from "../ports/blobs.ts";
import type { Clock } from "../ports/clock.ts";
import type { ModelCandidate } from "../ports/models.ts";
import type { Store } from "../ports/store.ts";
import type { Tool } from "../ports/tools.ts";
import { Turns } from "./turns.ts";
import type { Session, SessionPorts } from "./session.ts";
import type { Agent, ExecutorConfig, RunHandle } from "./types.ts";

export interface Live {
  readonly session: Session;
  readonly handle: RunHandle;
}

export interface Definition {
  readonly snapshot: AgentSnapshot;
  readonly tools: ReadonlyMap<string, Tool>;
  readonly candidates: ReadonlyMap<string, ModelCandidate>;
}

export interface Core {
  readonly config: ExecutorConfig;
  readonly store: Store;
  readonly blobs: Blobs;
  readonly clock: Clock;
  readonly ports: SessionPorts;
  /** Runs that this process drives now. */
  readonly live: Map<string, Live>;
  /** Runs of one agent with the same tools share what follows from it. */
  readonly definitions: WeakMap<Agent, Definition>;
}

/** The ports that a run cannot do without, filled in by the front door. */
export interface Foundation {
  readonly store: Store;
  readonly blobs: Blobs;
  readonly clock: Clock;
}

export function createCore(config: ExecutorConfig, foundation: Foundation): Core {
  const observers = config.observers ?? [];
  const ports: SessionPorts = {
    ...foundation,
    observers,
    turns: new Turns(foundation.clock),
    ...(config.compactor === undefined ? {} : { compactor: config.compactor }),
  };
  return { config, ...foundation, ports, live: new Map(), definitions: new WeakMap() };
}
