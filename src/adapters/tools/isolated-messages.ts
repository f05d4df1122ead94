/** What a process and the threads of its isolated tools say to each other. Everything here can be cloned into another thread. */
import type { NewArtifact } from "../../ports/artifact.ts";
import type { ToolContext } from "../../ports/tools.ts";
import type { RunStatusView } from "../../ports/view.ts";
import type { SuspensionBody } from "../../ports/waiting.ts";

/** What a thread is started with. */
export interface ThreadData {
  readonly name: string;
  /** `file:` URL of the module that makes the tool. */
  readonly module: string;
}

/** The function of the tool that runs. */
export type Work = "execute" | "resume" | "reconcile";

/** The part of a context that is data. */
export type ContextData = Pick<
  ToolContext,
  "run" | "call" | "toolCallId" | "idempotencyKey" | "attempt" | "caller" | "channel" | "tenant"
> & {
  /** As it was when the call began. */
  readonly status: RunStatusView;
};

/** The part of a context that the process does for the thread. */
export interface Requests {
  readonly attach: Parameters<ToolContext["attach"]>;
  readonly attachImages: Parameters<ToolContext["attachImages"]>;
  readonly addArtifact: readonly [NewArtifact];
}

export interface ErrorData {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  /** Of the reason of an abort: `timeout`, `shutdown` ... */
  readonly stop?: unknown;
}

export type ToThread =
  | {
      readonly type: "call";
      readonly call: number;
      readonly work: Work;
      readonly given: readonly unknown[];
      readonly context: ContextData;
    }
  | { readonly type: "abort"; readonly call: number; readonly reason: ErrorData }
  | { readonly type: "answer"; readonly request: number; readonly error?: ErrorData };

export type FromThread =
  /** The module is loaded. */
  | { readonly type: "ready" }
  | { readonly type: "unusable"; readonly error: ErrorData }
  | { readonly type: "ended"; readonly call: number; readonly value: unknown }
  | { readonly type: "suspended"; readonly call: number; readonly suspension: SuspensionBody }
  | { readonly type: "failed"; readonly call: number; readonly error: ErrorData }
  | {
      [Name in keyof Requests]: {
        readonly type: "request";
        readonly call: number;
        readonly request: number;
        readonly name: Name;
        readonly given: Requests[Name];
      };
    }[keyof Requests];

export function toErrorData(error: unknown): ErrorData {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const { name, message } = error;
  const code = "code" in error && typeof error.code === "string" ? { code: error.code } : {};
  return { name, message, ...code };
}

/** An error of the same name, message and code; its class does not cross. */
export function toError({ name, message, ...rest }: ErrorData): Error {
  const error = Object.assign(new Error(message), rest);
  Object.defineProperty(error, "name", { value: name, configurable: true });
  return error;
}
