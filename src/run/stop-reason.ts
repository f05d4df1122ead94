/** Why a signal was aborted. Work is classified by this, never by the text of an error. */
export type StopReason =
  /** The run does not want it any more: cancelled, at a limit, out of time. */
  | { readonly type: "unwanted"; readonly message: string }
  | { readonly type: "timeout"; readonly limit: "tool" | "first-token" | "idle" | "total" | "supervisor"; readonly ms: number }
  /** This process is going away; the run goes on elsewhere. */
  | { readonly type: "shutdown" }
  /** Another process owns the run now. */
  | { readonly type: "fenced" };

/** The reason of our abort signals: an Error, because tools pass it to `fetch` and friends, which throw it. */
export class StopError extends Error {
  override readonly name = "AbortError";
  readonly stop: StopReason;

  constructor(stop: StopReason) {
    super(describeStop(stop));
    this.stop = stop;
  }
}

export function describeStop(reason: StopReason): string {
  switch (reason.type) {
    case "unwanted":
      return reason.message;
    case "timeout":
      return reason.limit === "tool" || reason.limit === "supervisor"
        ? `timed out after ${reason.ms} ms`
        : `timed out: ${reason.ms} ms without ${reason.limit === "total" ? "an end" : "a sign of life"} (${reason.limit})`;
    case "shutdown":
      return "the process shut down";
    case "fenced":
      return "another process took the run over";
  }
}
