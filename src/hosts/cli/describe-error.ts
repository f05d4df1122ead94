/** What went wrong, for a person: what happened, to which run or file, and what to do next. Never a stack. */
import { isExecutusError } from "../../kernel/errors.ts";
import { adaptHint } from "./command-line.ts";
import { exitCodeOfError } from "./exit-codes.ts";

export interface ErrorDescription {
  /** Without colour or a trailing newline; the second line says what to do. */
  readonly text: string;
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly exitCode: number;
}

/** `db` is named in the commands that are suggested, where it is not the default one. */
export function describeError(error: unknown, db?: string): ErrorDescription {
  if (!isExecutusError(error)) return describeUnexpected(error);
  const { code, run, file } = error;
  const about = [run, file].filter((name) => name !== undefined && !error.message.includes(name));
  const message = about.length === 0 ? error.message : `${error.message.replace(/\.$/, "")} (${about.join(", ")})`;
  const hint = error.hint === undefined ? undefined : adaptHint(error.hint, db);
  const text = [`executus: ${message}`, ...(hint === undefined ? [] : [`  ${hint}`])].join("\n");
  return { text, code, message, ...(hint === undefined ? {} : { hint }), exitCode: exitCodeOfError(code) };
}

function describeUnexpected(error: unknown): ErrorDescription {
  const message = error instanceof Error ? `${error.name === "Error" ? "" : `${error.name}: `}${error.message}` : String(error);
  const hint = "This is not an error executus knows. EXECUTUS_DEBUG=1 shows where it comes from.";
  return { text: `executus: ${message}\n  ${hint}`, code: "unexpected", message, hint, exitCode: 1 };
}
