/** What the process says to a script when it ends. */
import type { ErrorCode } from "../../ports/errors.ts";
import type { RunStatus } from "../../ports/view.ts";

export interface ExitCode {
  readonly code: number;
  readonly meaning: string;
}

/** Stable across releases. */
export const EXIT_CODES: readonly ExitCode[] = [
  { code: 0, meaning: "done" },
  { code: 1, meaning: "the run failed" },
  { code: 2, meaning: "usage or configuration: nothing was done" },
  { code: 3, meaning: "a bound was reached; the partial output is printed" },
  { code: 4, meaning: "the run waits: for a person, a time or something outside" },
  { code: 5, meaning: "the run was cancelled or killed" },
  { code: 6, meaning: "a key is missing or was refused" },
  { code: 7, meaning: "the store is unreachable or damaged" },
  { code: 130, meaning: "interrupted with Ctrl-C; the run can be continued (143 after SIGTERM, 129 after SIGHUP)" },
];

/** The run itself may have ended well: what it said could not be handed over. */
export const EXIT_FAILED = 1;

const OF_STATUS: Readonly<Record<RunStatus, number>> = {
  completed: 0,
  failed: 1,
  poisoned: 1,
  out_of_steps: 3,
  timed_out: 3,
  over_budget: 3,
  looping: 3,
  waiting: 4,
  cancelled: 5,
  killed: 5,
  interrupted: 1,
  queued: 1,
  running: 1,
};

const UNAUTHORIZED: readonly string[] = ["model_unauthorized", "provider_key_missing"] satisfies (
  | ErrorCode
  | "model_unauthorized"
)[];
const STORE: readonly string[] = [
  "blob_damaged",
  "blob_missing",
  "journal_damaged",
  "journal_newer",
  "store_damaged",
  "store_foreign",
  "store_newer",
  "store_unavailable",
] satisfies ErrorCode[];
const FAILED: readonly string[] = ["model_failed", "model_timeout", "port_failed", "shutting_down"] satisfies ErrorCode[];

/** For an error that kept a command from doing its work. */
export function exitCodeOfError(code: string): number {
  if (UNAUTHORIZED.includes(code)) return 6;
  if (STORE.includes(code)) return 7;
  if (code === "budget_refused") return 3;
  return FAILED.includes(code) ? 1 : 2;
}

/** For a run that ended, or stands still. */
export function exitCodeOfRun(result: { readonly status: RunStatus; readonly error?: { readonly code: string } }): number {
  const { status, error } = result;
  const isStopped = status === "failed" || status === "interrupted";
  if (!isStopped || error === undefined) return OF_STATUS[status];
  if (UNAUTHORIZED.includes(error.code)) return 6;
  if (STORE.includes(error.code)) return 7;
  return error.code === "run_owned" ? 2 : OF_STATUS[status];
}

/** 128 plus the number of the signal, as shells count. */
export function exitCodeOfSignal(signal: "SIGINT" | "SIGTERM" | "SIGHUP"): number {
  return { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }[signal];
}
