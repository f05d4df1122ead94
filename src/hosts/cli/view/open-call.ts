/** Where a call stands that has no outcome yet. */
import type { CallState } from "../../../kernel/state.ts";
import { clockTime } from "./waiting-lines.ts";
import { oneLine } from "./text.ts";

/** The id is what `approve`, `answer` and `resolve` take. `isDriven`: a living process has the run. */
export function openWords(call: CallState, isDriven: boolean): string {
  return call.status === "ready" ? "to be made" : `${standing(call, isDriven)} (id ${call.id})`;
}

function standing({ status, wait }: CallState, isDriven: boolean): string {
  switch (status) {
    case "asked":
      return "waits for approval";
    case "denied":
      return "denied";
    case "suspended":
      return waitWords(wait);
    case "woken":
      return "goes on";
    case "parked":
      return "waits for its own run";
    case "in-doubt":
      return "may or may not have happened";
    case "ready":
    case "started":
    case "ended":
      return isDriven ? "under way" : "was under way";
  }
}

function waitWords(wait: CallState["wait"]): string {
  switch (wait?.for) {
    case "question":
      return "waits for an answer";
    case "event":
      return `waits for ${oneLine(wait.text)}`;
    case "time":
      return `sleeps until ${clockTime(wait.at ?? 0)}`;
    case "approval":
    case undefined:
      return "waits";
  }
}
