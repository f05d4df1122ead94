/** What all parts of one executor share. */
import type { AgentSnapshot } from "../ports/agent.ts";
import type { ModelCandidate } from "../ports/models.ts";
import type { Tool } from "../ports/tools.ts";
import { Circuits } from "./circuits.ts";
import { Turns } from "./turns.ts";
import type { Foundation, Session, SessionPorts } from "./session.ts";
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

export interface Core extends Foundation {
  readonly config: ExecutorConfig;
  readonly ports: SessionPorts;
  /** Runs that this process drives now. */
  readonly live: Map<string, Live>;
  /** Runs of one agent with the same tools share what follows from it. */
  readonly definitions: WeakMap<Agent, Definition>;
}

export function createCore(config: ExecutorConfig, foundation: Foundation): Core {
  const observers = config.observers ?? [];
  const ports: SessionPorts = {
    ...foundation,
    observers,
    turns: new Turns(foundation.clock),
    circuits: new Circuits(),
    ...(config.compactor === undefined ? {} : { compactor: config.compactor }),
  };
  return { config, ...foundation, ports, live: new Map(), definitions: new WeakMap() };
}
