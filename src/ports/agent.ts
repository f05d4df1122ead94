/** What of an agent and a request goes into the journal: data and schemas, never code. */
import type { DeliveryTarget } from "./delivery.ts";
import type { Permission } from "./definition.ts";
import type { RunFile } from "./files.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import type { LimitsInput } from "./limits.ts";
import type { LanePlace } from "./lanes.ts";
import type { Message, UserPart } from "./messages.ts";
import type { ModelSettings } from "./models.ts";
import type { OutputSnapshot } from "./output.ts";
import type { SupervisionSettings } from "./supervision.ts";
import type { ToolOptions } from "./definition.ts";
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
  /** Its call is answered at once, and its run's end is told later. */
  readonly background?: true;
  /** The tool source that brings it; absent for tools of the agent and of the request. */
  readonly source?: string;
  /** Meant to be called again and again: the same call with the same result is no loop. */
  readonly polling?: true;
}

/** A tool source of the run. Its tools are journaled when it is opened. */
export interface SourceSnapshot {
  readonly name: string;
  readonly optional?: true;
  /** Names of tools that are taken, `*` for any characters. Absent: all. */
  readonly only?: readonly string[];
  readonly arguments?: JsonValue;
}

/** Bounds of one phase, counted from its start. Those of the run hold as well. */
export interface PhaseLimits {
  readonly maxSteps?: number;
  readonly timeMs?: number;
  readonly tokens?: number;
  readonly costUsd?: number;
}

export interface PhaseSnapshot {
  readonly name: string;
  /** Template of its system prompt, platform header included. */
  readonly instructions: string;
  /** Template of its first user turn. Absent: the request's input. */
  readonly input?: string;
  readonly tier: string;
  /** Ordered `provider/model` candidates the tier was resolved to. */
  readonly models: readonly string[];
  /** What it says beside the agent's settings. */
  readonly settings?: ModelSettings;
  /** Absent: the agent's. */
  readonly tools?: readonly ToolSnapshot[];
  /** Of the tools of sources those that it has, `*` for any characters. Absent: none where `tools` is there, else all. */
  readonly fromSources?: readonly string[];
  readonly limits?: PhaseLimits;
}

/** The finished run that a run goes on from: its conversation up to that event comes before the request. */
export interface Continuation {
  readonly run: string;
  readonly seq: number;
  /** How many files the thread has there, which this run reads too. Absent: none, or they stay behind (older journals). */
  readonly files?: number;
}

export interface AgentSnapshot {
  readonly name: string;
  readonly id?: string;
  readonly description?: string;
  /** The whole system prompt, platform header included. */
  readonly instructions: string;
  /** They are the words of a fork's edit: a change of the agent does not take their place. */
  readonly edited?: true;
  readonly tier: string;
  readonly settings: ModelSettings;
  readonly tools: readonly ToolSnapshot[];
  /** Stages it goes through, in order. */
  readonly phases?: readonly PhaseSnapshot[];
  readonly output?: OutputSnapshot;
  readonly permission?: Permission;
  /** Opened before the first model call. From here on each of them may have left something in the world. */
  readonly sources?: readonly SourceSnapshot[];
  /** What the agent says of tools, by name, for those that sources bring later. Absent where there are no sources. */
  readonly toolOptions?: Readonly<Record<string, ToolOptions>>;
  /** Names of polling tools, for those that sources bring later; `*` for any characters. */
  readonly polling?: readonly string[];
  /** Present where the runs are watched: a supervisor is there, and the agent has not refused. */
  readonly supervision?: SupervisionSettings;
  /** Of what a change of the definition would show in: equal fingerprints, equal definitions. */
  readonly fingerprint: string;
  /** The agent's own word for the model; the tier may be the request's. */
  readonly model?: string;
  /** The agent's own limits; those of the run may be the request's. */
  readonly limits?: LimitsInput;
  /** How many of the tools, from the first, are the agent's own; the others came with the request or were found for the run. */
  readonly ownTools: number;
  /** Where the definition came from, so that another process can find its code again: a file path or a module. */
  readonly source?: string;
}

export interface RequestSnapshot {
  /** First user turn; text first, then images. */
  readonly input: readonly UserPart[];
  /** Files that came along and are not in `input` themselves. */
  readonly attachments?: readonly RunFile[];
  /** Earlier turns of the conversation. */
  readonly history?: readonly Message[];
  /** Comes before `history`. By reference: the messages are in the journals of the thread. */
  readonly continues?: Continuation;
  /** Instead of the agent's. */
  readonly output?: OutputSnapshot;
  /** Merged over the settings of the agent and of each phase. */
  readonly settings?: ModelSettings;
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
  /** The queue in which it waits for its turn before it begins. */
  readonly lane?: LanePlace;
  /** Where the outcome goes. */
  readonly delivery?: readonly DeliveryTarget[];
  /** Runs without guards (played recordings). */
  readonly unguarded?: boolean;
}
