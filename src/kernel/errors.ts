import type { ErrorCode } from "../ports/errors.ts";

const MARKER = Symbol.for("executus.error");

export interface ErrorDetails {
  readonly cause?: unknown;
  /** Worth another try without changing anything. Default false. */
  readonly retryable?: boolean;
  /** What to do next, one sentence or command. */
  readonly hint?: string;
  readonly run?: string;
  readonly file?: string;
}

/**
 * What goes wrong at the front door: misuse, broken stores, things that are not there. The message says what happened and to
 * which run or file; `hint` says what to do next.
 *
 * @example
 * try { await executor.resume("run_x"); } catch (error) { if (isExecutusError(error) && error.code === "run_owned") retryLater(); }
 */
export class ExecutusError extends Error {
  override readonly name = "ExecutusError";
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly hint?: string;
  readonly run?: string;
  readonly file?: string;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryable = details.retryable ?? false;
    if (details.hint !== undefined) this.hint = details.hint;
    if (details.run !== undefined) this.run = details.run;
    if (details.file !== undefined) this.file = details.file;
    Object.defineProperty(this, MARKER, { value: true });
  }
}

/** True for an ExecutusError of any copy of this package. */
export function isExecutusError(error: unknown): error is ExecutusError {
  return typeof error === "object" && error !== null && MARKER in error;
}

/** What happened and what to do, as one text. Some messages are sentences already. */
export function messageWithHint({ message, hint }: ExecutusError): string {
  return hint === undefined ? message : `${message.replace(/\.$/, "")}. ${hint}`;
}

/** The candidate nearest to `word`, if it is near enough to be a slip; of equally near ones the one of the nearest length. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const most = Math.max(2, Math.floor(word.length / 3));
  const near = candidates
    .map((candidate) => ({
      candidate,
      distance: editDistance(word.toLowerCase(), candidate.toLowerCase()),
      difference: Math.abs(word.length - candidate.length),
    }))
    .filter(({ distance }) => distance <= most)
    .toSorted((a, b) => a.distance - b.distance || a.difference - b.difference);
  return near[0]?.candidate;
}

/** Letters added, left out, changed, or two neighbours swapped: one step each. */
function editDistance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number): number => rows[i]?.[j] ?? Infinity;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j++) {
      const changed = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwap ? at(i - 2, j - 2) + 1 : Infinity;
      row.push(Math.min(changed, swapped, at(i - 1, j) + 1, at(i, j - 1) + 1));
    }
  }
  return at(a.length, b.length);
}
