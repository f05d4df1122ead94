/** What of an agent and a request goes into the journal: data and schemas, never code. */
import type { DeliveryTarget } from "./delivery.ts";
import type { JsonObject } from "./json.ts";
import type { Message, UserPart } from "./messages.ts";
import type { ModelSettings } from "./models.ts";
import type { ToolEffect, UnknownPolicy } from "./tools.ts";

export interface ToolSnapshot {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: JsonObject;
  readonly effect: ToolEffect;
  readonly onUnknown: UnknownPolicy;
  readonly reconcile: boolean;
  readonly timeoutMs?: number;
  readonly concurrency?: number;
  /** It hands work to an agent or a skill instead of running code. */
  readonly delegate?: "agent" | "skill";
  /** A skill that is a run of its own each time it is called. */
  readonly forks?: true;
}

export interface AgentSnapshot {
  readonly name: string;
  readonly id?: string;
  readonly description?: string;
  /** The whole system prompt, platform header included. */
  readonly instructions: string;
  readonly tier: string;
  readonly settings: ModelSettings;
  readonly tools: readonly ToolSnapshot[];
  /** Where the definition came from, so that another process can find its code again: a file path or a module. */
  readonly source?: string;
}

export interface RequestSnapshot {
  /** First user turn; text first, then images. */
  readonly input: readonly UserPart[];
  /** Earlier turns of the conversation. */
  readonly history?: readonly Message[];
  readonly caller?: string;
  readonly channel?: string;
  readonly tenant?: string;
  readonly parent?: string;
  /** The run at the top of the tree; absent: this one. */
  readonly root?: string;
  /** The call of the parent that this run answers: it is the parent's child, and its end is told to it. */
  readonly parentCall?: string;
  /** How far below the root it is; a run without a parent is at 0. */
  readonly depth?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly idempotencyKey?: string;
  /** Where the outcome goes. */
  readonly delivery?: readonly DeliveryTarget[];
  /** Runs without guards (played recordings). */
  readonly unguarded?: boolean;
}
