/**
 * Thrown by a tool that started something and cannot tell whether it happened (a connection lost after the request was sent).
 * The call is then in doubt: `reconcile`, else the tool's `onUnknown` policy decides.
 *
 * @example
 * throw new UnknownOutcomeError("the bank did not answer after the transfer was sent");
 */
export class UnknownOutcomeError extends Error {
  override readonly name = "UnknownOutcomeError";
  readonly code = "unknown_outcome";
}

export function isUnknownOutcome(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "unknown_outcome";
}
