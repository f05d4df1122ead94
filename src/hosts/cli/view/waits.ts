/** What a run waits for, and the command that answers. */
import type { RunRow } from "../../../ports/store.ts";
import type { WaitingFor } from "../../../ports/view.ts";
import type { Wait } from "../../../ports/waiting.ts";
import { commandLine } from "../command-line.ts";
import { callHead, stepOfCall } from "./event-lines.ts";
import { oneLine } from "./text.ts";
import { clockTime } from "./waiting-lines.ts";

/** A call as far as it is known here: what would be run. */
export interface KnownCall {
  readonly id: string;
  readonly name: string;
  readonly input: unknown;
}

export interface Advice {
  readonly text: string;
  /** The command that answers; none where only time helps. */
  readonly command?: string;
}

export function waitsOf(waitingFor: WaitingFor | undefined): readonly Wait[] {
  if (waitingFor === undefined) return [];
  if ("waits" in waitingFor) return waitingFor.waits;
  return waitingFor.kind === "child" ? waitingFor.runs.map((id) => ({ for: "child", id })) : [];
}

/** A person can do something about it. */
export function isForPerson({ for: kind }: Wait): boolean {
  return kind === "approval" || kind === "question" || kind === "resolution";
}

interface AdviceOptions {
  readonly run: string;
  readonly db: string;
  readonly calls: readonly KnownCall[];
}

export function adviceOn(waits: readonly Wait[], options: AdviceOptions): readonly Advice[] {
  return waits.map((wait) => {
    // The id is asked for only where there is more than one to choose from.
    const isOnly = waits.filter((other) => other.for === wait.for).length === 1;
    return adviceOnOne(wait, { ...options, isOnly });
  });
}

function adviceOnOne(wait: Wait, { run, db, calls, isOnly }: AdviceOptions & { readonly isOnly: boolean }): Advice {
  const known = calls.find(({ id }) => id === wait.call);
  const name = wait.tool ?? "the run";
  const head = known === undefined ? name : callHead(known.name, known.input, 100);
  const which = isOnly ? [] : [wait.call ?? wait.id];
  const text = wait.text === undefined ? "" : oneLine(wait.text);
  const until = wait.at === undefined ? "" : `, until ${clockTime(wait.at)}`;
  switch (wait.for) {
    case "approval":
      return {
        text: `May ${head} run${text === "" ? "" : ` (${text})`}${until}?`,
        command: `${commandLine(["approve", run, ...which], db)}   or deny`,
      };
    case "question": {
      const choices = wait.choices === undefined ? "" : ` (${wait.choices.join(", ")})`;
      return { text: `${name} asks${until}: ${text}${choices}`, command: commandLine(["answer", run, ...which, "TEXT"], db) };
    }
    case "resolution":
      return {
        text: `Did ${name} happen (step ${stepOfCall(wait.id) + 1})?`,
        command: commandLine(["resolve", run, wait.id, "--outcome", "done"], db),
      };
    case "event":
      return { text: `${name} waits for ${text}${until}.`, command: commandLine(["signal", run, text], db) };
    case "time":
      return { text: `${name} sleeps until ${clockTime(wait.at ?? 0)}.` };
    case "child":
      return { text: `${name} waits for its own run.`, command: commandLine(["show", wait.id], db) };
  }
}

/** In a few words, for a list. */
export function remarkOnWaits({ waitingFor }: RunRow): string {
  if (waitingFor?.kind === "tools_changed") return `changed tools of ${waitingFor.source} to decide`;
  if (waitingFor?.kind === "agent_missing") return `no agent ${oneLine(waitingFor.agent)}`;
  if (waitingFor?.kind === "agent_changed") return "its agent changed";
  if (waitingFor?.kind === "lane") return `in lane ${waitingFor.lane}`;
  if (waitingFor?.kind === "tools_missing") return `no code for ${oneLine(waitingFor.names.join(", "))}`;
  const waits = waitsOf(waitingFor);
  const counted = (kind: Wait["for"], one: string, many: string): readonly string[] => {
    const count = waits.filter((wait) => wait.for === kind).length;
    return count === 0 ? [] : [count === 1 ? one : `${count} ${many}`];
  };
  return [
    ...counted("approval", "1 call to approve", "calls to approve"),
    ...counted("question", "1 question", "questions"),
    ...counted("resolution", "1 call to decide", "calls to decide"),
    ...waits.flatMap((wait) => (wait.for === "event" ? [`waits for ${oneLine(wait.text ?? "")}`] : [])),
    ...waits.flatMap((wait) => (wait.for === "time" ? [`sleeps until ${clockTime(wait.at ?? 0)}`] : [])),
    ...counted("child", "waits for a child", "children to wait for"),
  ].join(", ");
}
