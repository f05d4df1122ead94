/** Telling a run something: through its inbox in the store, so that it reaches whoever drives it. */
import { isFinal } from "../../kernel/status.ts";
import { userInfo } from "node:os";
import { ExecutusError } from "../../kernel/errors.ts";
import type { PendingEntry, RunRow, SendResult } from "../../ports/store.ts";
import type { Command as RunCommand } from "../../run/types.ts";
import { commandLine } from "./command-line.ts";
import { findRun } from "./find-run.ts";
import type { Host } from "./open.ts";

/** Name of the person at this terminal, for the journal. */
export function sender(): string {
  try {
    return userInfo().username;
  } catch {
    return "cli";
  }
}

export interface Told {
  readonly row: RunRow;
  readonly answer: Exclude<SendResult, "run_finished" | "run_unknown">;
}

/** Rejects `run_unknown`, or `run_finished` for a run that hears nothing any more. */
export async function tell(host: Host, given: string | RunRow, command: RunCommand, id?: string): Promise<Told> {
  const row = typeof given === "string" ? await findRun(host.store, given) : given;
  if (isFinal(row.status)) throw hasEnded(row.run, row.status);
  if (row.owner === undefined) await checkUndecided(host, row, command);
  const answer = await host.executor.send(row.run, command, { from: sender(), ...(id === undefined ? {} : { id }) });
  if (answer === "run_finished") throw hasEnded(row.run, "meanwhile");
  if (answer === "run_unknown") throw new ExecutusError("run_unknown", `${row.run} was removed meanwhile`, { run: row.run });
  return { row, answer };
}

/** What waits for whoever drives the run next comes first and counts: another word would be taken for done and change nothing. */
async function checkUndecided({ store, db }: Host, { run }: RunRow, command: RunCommand): Promise<void> {
  const about = decidedBy(command);
  const earlier = about === undefined ? [] : await store.inbox.pending(run);
  const first = earlier.find((entry) => decidedBy(entry) === about);
  if (first === undefined) return;
  const by = first.from === undefined ? "" : ` by ${first.from}`;
  const message = `${run} was told "${first.kind}" about that${by} and has not heard it yet; the first answer counts`;
  const hint = `It takes effect when the run goes on: ${commandLine(["resume", run], db)}`;
  throw new ExecutusError("request_invalid", message, { run, hint });
}

/** What of a run is decided by that, once. */
function decidedBy(command: RunCommand | PendingEntry): string | undefined {
  switch (command.kind) {
    case "approve":
    case "deny":
      return `approval ${command.approval}`;
    case "answer":
      return `question ${command.question}`;
    case "resolve":
      return `outcome ${command.call}`;
    case "adopt":
    case "pin":
      return "definition";
    default:
      return undefined;
  }
}

function hasEnded(run: string, how: string): ExecutusError {
  const message = `${run} has already ended (${how.replaceAll("_", " ")}); it can no longer be told anything`;
  return new ExecutusError("run_finished", message, { run, hint: `See how: executus show ${run}` });
}

/** When it takes effect, for the person. */
export function whenHeard({ row, answer }: Told, db: string): string {
  if (answer === "duplicate") return "it had been told that before; nothing changed";
  if (row.owner !== undefined) return `${row.owner} drives it and has it now`;
  return `nobody drives it just now; it takes effect when the run goes on:\n  ${commandLine(["resume", row.run], db)}`;
}
