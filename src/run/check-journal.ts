/** Refuses to act on a journal that is not understood whole. */
import { ExecutusError } from "../kernel/errors.ts";
import { type JournalProblem, journalProblem } from "../kernel/readable.ts";
import type { RunState } from "../kernel/state.ts";
import type { RunEvent } from "../ports/events.ts";

/** Throws `journal_damaged` or `journal_newer`, naming run and seq. `before`: what the events follow. */
export function checkJournal(run: string, events: readonly RunEvent[], before?: RunState): void {
  const problem = journalProblem(events, before);
  if (problem !== undefined) throw refusal(run, problem);
}

/** Of a run that has ended nothing follows from its journal any more. */
export function checkUnfinished(run: string, events: readonly RunEvent[]): void {
  if (events.at(-1)?.type !== "run.finished") checkJournal(run, events);
}

function refusal(run: string, { code, seq, what }: JournalProblem): ExecutusError {
  if (code === "journal_damaged") {
    const hint = "Run `executus store check`; other runs are not affected. Restore this one from a backup.";
    return new ExecutusError(code, `The journal of run ${run} is damaged at seq ${seq}: ${what}`, { run, hint });
  }
  const hint = `Go on with the version of executus that wrote it, or a later one. What is understood of it: executus show ${run}`;
  return new ExecutusError(code, `The journal of run ${run} was written by a later version of executus; at seq ${seq}: ${what}`, {
    run,
    hint,
  });
}
