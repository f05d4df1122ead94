/** Events of a run whose agent's definition changed since it started. */
import type { AgentSnapshot } from "./agent.ts";
import type { Limits } from "./limits.ts";

interface Versioned {
  readonly v?: number;
}

/** The run cannot go on in this process: code for these tools is not there. Cleared by the next attempt. */
export interface ToolsMissing extends Versioned {
  readonly type: "tools.missing";
  readonly names: readonly string[];
  /** The agent itself was not found, so its code was not either: where it should be. */
  readonly agent?: string;
}

/** A definition that a run could go on with instead of the one it has. */
export interface NewDefinition {
  readonly agent: AgentSnapshot;
  readonly limits: Limits;
  readonly models: readonly string[];
  readonly windows?: Readonly<Record<string, number>>;
  /** What is different, one sentence each. */
  readonly changes: readonly string[];
}

/** The agent's definition here is not the one the run has, and a person is asked which it shall go on with. */
export interface AgentChanged extends NewDefinition, Versioned {
  readonly type: "agent.changed";
  /** Tools that would have no code here with either definition. */
  readonly missing: { readonly pin: readonly string[]; readonly adopt: readonly string[] };
}

/** From here on the run has this definition. */
export interface AgentAdopted extends NewDefinition, Versioned {
  readonly type: "agent.adopted";
}

/** The answer to `agent.changed`. */
export interface AgentDecided extends Versioned {
  readonly type: "agent.decided";
  readonly id: string;
  readonly decision: "adopt" | "pin";
  readonly from?: string;
}
