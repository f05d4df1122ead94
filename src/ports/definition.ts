/** What an agent is: data plus the code of its tools. */
import type { Skill } from "./delegates.ts";
import type { JsonObject } from "./json.ts";
import type { LimitsInput } from "./limits.ts";
import type { ModelSettings } from "./models.ts";
import type { Tool, ToolEffect, UnknownPolicy } from "./tools.ts";

/** What happens to a live run when its agent was changed since it started: see `docs/guide/changing-agents.md`. */
export type ChangePolicy = "pin" | "adopt" | "ask";

/** What a tool whose name fits may do without a person. */
export type PermissionRule = "allow" | "ask" | "deny";

/** A named stage with instructions, tier, tools and step cap of its own. */
export interface PhaseDefinition {
  readonly name: string;
  readonly instructions: string;
  readonly model?: string;
  readonly tools?: readonly string[];
  readonly maxSteps?: number;
}

/** Over what a tool says of itself. */
export interface ToolOptions {
  readonly effect?: ToolEffect;
  readonly onUnknown?: UnknownPolicy;
  readonly timeoutMs?: number;
  readonly concurrency?: number;
}

/** A server that an agent brings itself: `command`, `args`, `env`, or `type`, `url`, `headers`, as in `.mcp.json`. */
export interface InlineMcpServer {
  readonly name: string;
  readonly config: JsonObject;
}

/** Made by `defineAgent` or read from a Markdown file. */
export interface Agent {
  readonly name: string;
  readonly id?: string;
  readonly description?: string;
  readonly instructions: string;
  /** Tier or `provider/model`; default: the executor's `defaultTier`, else `fast`. */
  readonly model?: string;
  /** Names resolved by the executor's registry, or tools themselves. */
  readonly tools?: readonly (string | Tool)[];
  /** Agents and skills its model may hand work to: names looked up in the executor's palette, or objects. Default none. */
  readonly delegates?: readonly (string | Agent | Skill)[];
  /** As a delegate: fields its caller may give beside the prompt. A JSON Schema of an object. */
  readonly inputSchema?: JsonObject;
  readonly limits?: LimitsInput;
  readonly settings?: ModelSettings;
  /** Where the definition came from; journaled so that another process can find the code again. */
  readonly source?: string;
  /** Globs over names of tools, the last one that fits decides. Default: what the tool itself says. */
  readonly permission?: Readonly<Record<string, PermissionRule>>;
  /** Skills offered to the agent, by name. */
  readonly skills?: readonly string[];
  /** MCP servers whose tools it may use: names of configured ones, or servers of its own. */
  readonly mcpServers?: readonly (string | InlineMcpServer)[];
  readonly phases?: readonly PhaseDefinition[];
  /** Notices a run that gets nowhere, and decides about it. */
  readonly supervision?: JsonObject;
  readonly compaction?: JsonObject;
  /** JSON Schema of the answer. */
  readonly output?: JsonObject;
  /** Where the outcome goes: one target or several. */
  readonly delivery?: JsonObject | readonly JsonObject[];
  readonly attachments?: JsonObject;
  /** By name of the tool. */
  readonly toolOptions?: Readonly<Record<string, ToolOptions>>;
  /** What happens to live runs when this definition changed since they started. Default: the executor's, else `pin`. */
  readonly onChange?: ChangePolicy;
  /** The nearest `AGENTS.md` belongs to the instructions. Default false. */
  readonly projectInstructions?: boolean;
  /** `primary`: started by people; `subagent`: by other agents; `all`: both. Default `all`. */
  readonly mode?: "primary" | "subagent" | "all";
  /** Left out of lists that people choose from. Default false. */
  readonly hidden?: boolean;
  /** Cannot be started. Default false. */
  readonly disabled?: boolean;
  /** As a delegate: its parent does not wait for it. Default false. */
  readonly background?: boolean;
  /** For user interfaces. */
  readonly color?: string;
  /** What it is asked when nobody asks anything. */
  readonly initialPrompt?: string;
}
