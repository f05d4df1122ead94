/** What an agent is: data plus the code of its tools. */
import type { DeliveryTarget } from "./delivery.ts";
import type { Skill } from "./delegates.ts";
import type { PhaseLimits } from "./agent.ts";
import type { JsonObject } from "./json.ts";
import type { LimitsInput } from "./limits.ts";
import type { ModelSettings } from "./models.ts";
import type { SourceUse, ToolSource } from "./tool-source.ts";
import type { SupervisionInput } from "./supervision.ts";
import type { Tool, ToolEffect, UnknownPolicy } from "./tools.ts";

/** What happens to a live run when its agent was changed since it started: see `docs/guide/changing-agents.md`. */
export type ChangePolicy = "pin" | "adopt" | "ask";

/** What a tool whose name fits may do without a person. */
export type PermissionRule = "allow" | "ask" | "deny";

/** Patterns over names of tools (`*` is any text), the last one that fits decides. */
export type Permission = Readonly<Record<string, PermissionRule>>;

/**
 * A stage of an agent, with instructions of its own; what else it leaves out is the agent's. In `instructions` and `input`,
 * `{{Name}}` (or `{{.Name}}`) is the answer of the earlier phase of that name, `{{Input}}` the text of the request,
 * `{{Instructions}}` what the agent itself says; `\{{Name}}` stands for itself.
 */
export interface Phase {
  /** A letter, then up to 63 letters, digits, `_` and `-`. */
  readonly name: string;
  /** Its system prompt. */
  readonly instructions: string;
  /** Its first user turn, instead of the text of the request. Files of the request come along. */
  readonly input?: string;
  readonly model?: string;
  readonly tools?: readonly (string | Tool)[];
  /** The same as `limits.maxSteps`. */
  readonly maxSteps?: number;
  /** Counted from its start; those of the run hold as well. At one of them the phase is wrapped up and the next begins. */
  readonly limits?: PhaseLimits;
  /** Merged over the agent's. */
  readonly settings?: ModelSettings;
}

/** Over what a tool says of itself. */
export interface ToolOptions {
  readonly effect?: ToolEffect;
  /** Called again and again on purpose. */
  readonly polling?: boolean;
  readonly onUnknown?: UnknownPolicy;
  readonly timeoutMs?: number;
  readonly concurrency?: number;
}

/** A server that an agent brings itself: `command`, `args`, `env`, or `type`, `url`, `headers`, as in `.mcp.json`. */
export interface InlineMcpServer {
  readonly name: string;
  readonly config: JsonObject;
}

/** Made by `defineAgent` or read from a Markdown file. `Output` is the type of `result.data`. */
export interface Agent<Output = unknown> {
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
  /** Tool sources opened for each run: names of the executor's, with arguments if need be, or sources themselves. */
  readonly sources?: readonly (string | SourceUse | ToolSource)[];
  readonly limits?: LimitsInput;
  readonly settings?: ModelSettings;
  /** Where the definition came from; journaled so that another process can find the code again. */
  readonly source?: string;
  /** Globs over names of tools, the last one that fits decides. Default: what the tool itself says. */
  readonly permission?: Permission;
  /** Skills offered to the agent, by name. */
  readonly skills?: readonly string[];
  /** MCP servers whose tools it may use: names of configured ones, or servers of its own. */
  readonly mcpServers?: readonly (string | InlineMcpServer)[];
  /** Stages, in order: each has a conversation of its own, and its answer is there for later ones by its name. */
  readonly phases?: readonly Phase[];
  /** Notices a run that gets nowhere, and decides about it. */
  readonly supervision?: SupervisionInput;
  /** Tools that are called again and again on purpose, by name; `*` stands for any text. */
  readonly polling?: readonly string[];
  readonly compaction?: JsonObject;
  /** Standard Schema, TypeBox schema or JSON Schema of the final answer. */
  readonly output?: object;
  /** Never there: it carries the type of `result.data`. */
  readonly "~output"?: Output;
  /** Where the outcomes of its runs go, unless a request says so itself: one target or several. A child's go to its parent only. */
  readonly delivery?: DeliveryTarget | readonly DeliveryTarget[];
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
