/** A run that begins with a part of another one. */
import type { JsonValue } from "./json.ts";
import type { ToolOutput } from "./messages.ts";

/** What a call of the original brought after the fork: given again to the same call, instead of running it. */
export interface Stub {
  /** `step.ordinal` in the original. */
  readonly call: string;
  readonly name: string;
  readonly input: JsonValue;
  readonly outcome: "ok" | "error";
  readonly output: ToolOutput;
}

/** All before this was copied, edits included; what comes after it is the run's own. */
export interface RunForked {
  readonly type: "run.forked";
  readonly v?: number;
  readonly from: { readonly run: string; readonly seq: number };
  /** Running time of the original up to there, ms: limits go on from it. */
  readonly spentMs: number;
  /** What was changed in the copy, one sentence each. */
  readonly edits: readonly string[];
  readonly stubs: readonly Stub[];
}
