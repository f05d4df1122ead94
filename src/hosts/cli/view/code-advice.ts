/** What to do about a run whose agent changed, or is not there any more. */
import type { WaitingFor } from "../../../ports/view.ts";
import { commandLine } from "../command-line.ts";

export interface CodeAdvice {
  readonly why: string;
  readonly commands: readonly string[];
}

/** Undefined for a run that waits for something else. */
export function adviceOnCode(run: string, waitingFor: WaitingFor | undefined, db: string): CodeAdvice | undefined {
  const resume = commandLine(["resume", run], db);
  switch (waitingFor?.kind) {
    case "agent_changed":
      return {
        why: `its agent changed since it began: ${waitingFor.changes.join("; ")}`,
        commands: [commandLine(["adopt", run], db), commandLine(["pin", run], db), resume],
      };
    case "agent_missing":
      return {
        why: `its agent ${waitingFor.agent} is not here, and its code is needed for ${waitingFor.names.join(", ")}. Put it back, then`,
        commands: [resume],
      };
    case "tools_missing":
      return { why: `there is no code here for ${waitingFor.names.join(", ")}. Put it back, then`, commands: [resume] };
    default:
      return undefined;
  }
}
