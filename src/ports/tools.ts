/**
 * Tools port: what an agent can do to the world, and what a crash in the middle of it means.
 *
 * What a run relies on in each of its tools:
 *
 * P1 What it says of itself is plain data, the same in every process: a run finds its code again by name and input schema.
 * P2 `validate` takes what the input schema allows the model to say. It answers for anything that is JSON, the same each time, with
 *    a text for the model when it says no.
 * P3 It changes nothing of its arguments: they are the run's own.
 * P4 What it returns is JSON, nothing at all, a suspension, or what its `toOutput` makes such an output of.
 * P5 Of what fails it says what went wrong, with an error that has a message: the model is told.
 * P6 It comes back soon after its signal was aborted. One that has not within the grace time is left behind, and of a `once` call
 *    the outcome is unknown then.
 * P7 `effect` is true: a `read` changes nothing, and an `idempotent` call with the same key changes nothing more.
 * P8 `reconcile` knows calls by their key: never begun is not `done`, done is not `not-done`, and asking changes nothing.
 * P9 Calls may be under way at once, as many as `concurrency` says, of one run and of several.
 * P10 `approval` as a function gives a verdict, and changes nothing. One that fails asks a person.
 */
import type { Delegate } from "./delegates.ts";
import type { NewArtifact } from "./artifact.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import type { ToolOutput, UserPart } from "./messages.ts";
import type { RunStatusView } from "./view.ts";
import type { ApprovalPolicy, QuestionOptions, Suspension, Wake } from "./waiting.ts";

/**
 * What a crash during a call means (DESIGN section 5): `read` and `idempotent` run again (the latter with the same key),
 * `once` is journaled before it starts and never silently repeated.
 */
export type ToolEffect = "read" | "idempotent" | "once";

/** What happens to a `once` call whose outcome is unknown and that has no `reconcile`, or whose `reconcile` cannot tell. */
export type UnknownPolicy = "report" | "ask" | "rerun";

/** Who may see a tool: `public` anyone, `private` only agents that name it. */
export type ToolVisibility = "public" | "private";

export interface ToolContext {
  readonly run: string;
  /** The kernel's identity of the call, `step.ordinal`, unique in its run. */
  readonly call: string;
  /** The id the provider gave the call; only a label. */
  readonly toolCallId: string;
  /** The same in every attempt at this call; hand it to the target system. */
  readonly idempotencyKey: string;
  /** 1-based attempt (process) that runs the call. */
  readonly attempt: number;
  readonly caller?: string;
  readonly channel?: string;
  readonly tenant?: string;
  /** Aborted on timeout, cancel, kill and shutdown; `signal.reason` tells which. */
  readonly signal: AbortSignal;
  /** Where the run stands now: step, limits, tallies. */
  status(): RunStatusView;
  /** Put text or images into the running conversation before its next step. Durable once it resolves. */
  attach(content: readonly UserPart[]): Promise<void>;
  /** The same with images that are not stored yet; their type is read from the bytes. Rejects `attachment_type` for anything else. */
  attachImages(
    images: readonly { readonly bytes: Uint8Array; readonly mediaType?: string; readonly filename?: string }[],
  ): Promise<void>;
  /** A file for whoever gets the result. It is on the result once the call has ended, once per name, however often the call runs. */
  addArtifact(artifact: NewArtifact): Promise<void>;
  /** Return it to ask a person: the answer, once there is one, is the call's result. The run may wait for days. */
  ask(text: string, options?: QuestionOptions): Suspension;
  /** Return it to wait for something outside: what comes with the signal of that name is the call's result. */
  waitFor(name: string, options?: { readonly deadlineMs?: number }): Suspension;
  /** Return it to let the call sleep, ms. It outlives the process. */
  sleep(ms: number): Suspension;
  /** Return it to let the call sleep until then, wall ms. */
  sleepUntil(at: number | Date): Suspension;
}

/** A schema that nobody has read yet: reading it takes a validator that most processes start without. */
export interface LateSchema {
  /** Asked when a run is started, for each again. Rejects with ExecutusError `tool_invalid` when nothing can be checked with it. */
  read(): Promise<void>;
}

/** What outlives a call, for the next one, and ends with the last executor that uses it. */
export interface KeptBetweenCalls {
  /** Told by each executor before its first call. What it returns is called when that executor has shut down. Neither may throw. */
  use(): () => void;
}

/** What `reconcile` found out about a call that may or may not have happened. */
export type Reconciliation =
  | { readonly outcome: "done"; readonly result: unknown }
  | { readonly outcome: "not-done" }
  | { readonly outcome: "unknown" };

/** A tool after its schema and options were read once: what the driver works with. P1 to P10 hold for it. */
export interface Tool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: JsonObject;
  readonly effect: ToolEffect;
  readonly onUnknown: UnknownPolicy;
  readonly visibility: ToolVisibility;
  /** Default: the run's `toolTimeoutMs`. */
  readonly timeoutMs?: number;
  /** Calls of this tool under way at once in a run; default: the run's `parallelCalls`. */
  readonly concurrency?: number;
  /** Meant to be called again and again until something has changed: no guard takes that for a loop. Default false. */
  readonly polling?: boolean;
  /** What the model is given of a result, in bytes of UTF-8; the whole result is kept as a file. Default and most: 256 KB. */
  readonly outputBytes?: number;
  /** It hands work to this agent or skill: made from an agent's `delegates`, never by hand. */
  readonly delegate?: Delegate;
  /** What its arguments are checked with, where that is read only once a run needs it. Default: it was read already. */
  readonly lateSchema?: LateSchema;
  /** What it keeps between calls, such as threads; copies of a tool share it. Default: nothing. */
  readonly keeps?: KeptBetweenCalls;
  /** True when the result for this input has to stay in the conversation when it is compacted. Default: it need not. */
  readonly pins?: (input: unknown) => boolean;
  /** Parse and check the model's arguments. */
  validate(input: JsonValue): Promise<ToolInputCheck> | ToolInputCheck;
  /** Whether a person must approve a call first; default `never`. */
  readonly approval?: ApprovalPolicy;
  /** The result, or a suspension: the call is then never run again from the start. */
  execute(input: unknown, context: ToolContext): Promise<unknown>;
  /** Makes the result (or the next suspension) of a call that was suspended; default: what woke it is the result. */
  resume?(input: unknown, wake: Wake, context: ToolContext): Promise<unknown>;
  reconcile?(input: unknown, context: ToolContext): Promise<Reconciliation>;
  /** How a result is shown to the model; default: text stays text, anything else is JSON. */
  toOutput?(result: unknown, input: unknown, toolCallId: string): Promise<ToolOutput> | ToolOutput;
}

export type ToolInputCheck = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly problem: string };

export interface Invocation {
  readonly caller?: string;
  readonly channel?: string;
  readonly tenant?: string;
}

export interface Tools {
  /** The tools of that name, in that order; an unknown or invisible name is an ExecutusError naming the nearest. */
  resolve(names: readonly string[], invocation: Invocation): Promise<readonly Tool[]>;
  /** Names an agent may use, for messages and listings. */
  names(invocation: Invocation): readonly string[];
}
