/** Live progress of runs of this process, on standard error. */
import { format } from "node:util";
import { evolve, initialState } from "../../../kernel/evolve.ts";
import type { RunState } from "../../../kernel/state.ts";
import type { RunEvent } from "../../../ports/events.ts";
import type { Observer } from "../../../ports/observer.ts";
import { withoutSecrets } from "../secrets.ts";
import { createLiveView, MOST_ROWS } from "./live.ts";
import { type EventView, linesOf } from "./event-lines.ts";
import { type Line, paintLine } from "./line.ts";
import type { Terminal, Tone } from "./terminal.ts";
import { ELLIPSIS, oneLine } from "./text.ts";

export interface Progress {
  readonly observer: Observer;
  /** Where a continued run stands before its first new event. */
  begin(state: RunState): void;
  say(text: string, tone?: Tone): void;
  /** Takes what is drawn in place off the screen, so that something can be asked there; until `resume`. */
  pause(): void;
  resume(): void;
  /** Takes what is drawn in place off the screen. */
  end(): void;
}

export interface ProgressOptions {
  readonly terminal: Terminal;
  /** Warnings only. */
  readonly isQuiet: boolean;
  /** Several runs at once: every line says whose it is. */
  readonly isShared?: boolean;
  /** Said once below the first line of a run that starts, to a person at a terminal. */
  readonly hint?: string;
}

/** Shows one run on a live terminal in place; otherwise, and for several runs, a line per event. */
export function createProgress(options: ProgressOptions): Progress {
  const { terminal, isQuiet, isShared = false, hint } = options;
  const live = terminal.isLive && !isQuiet && !isShared ? createLiveView(terminal) : undefined;
  const states = new Map<string, RunState>();
  let hasEnded = false;
  const write = (lines: readonly Line[]): void => {
    if (lines.length === 0) return;
    if (live !== undefined) return live.print(lines);
    const text = lines.map((line) => `${paintLine(terminal, line, terminal.columns() * MOST_ROWS)}\n`).join("");
    terminal.stream.write(withoutSecrets(text));
  };
  const view = (): EventView => ({ marks: terminal.marks, columns: terminal.columns(), showsStarts: live === undefined });

  const show = (run: string, event: RunEvent, before: RunState | undefined): void => {
    // Whoever took it over says so itself, in more words.
    if (isQuiet || event.type === "attempt.started") return;
    const depth = depthOf(event, before);
    write(linesOf(event, before, view()).map((line) => placed(line, { run, depth, isShared })));
    const isStart = event.type === "run.started" && depth === 0;
    if (isStart && hint !== undefined && terminal.stream.isTTY) write([[["dim", `    ${hint}`]]]);
  };

  const take = (run: string, event: RunEvent): void => {
    const before = states.get(run);
    show(run, event, before);
    const next = event.type === "run.started" ? initialState(event, event) : before && evolve(before, event, event);
    if (next === undefined) return;
    states.set(run, next);
    if (depthOf(event, next) === 0) live?.update(next, event);
    else live?.child(next);
  };

  return {
    observer: {
      events: (run, events) => {
        for (const event of events) take(run, event);
      },
      delta: (origin, delta) => {
        if ((states.get(origin.run)?.request.depth ?? 0) === 0) live?.delta(origin, delta);
      },
      warning: (run, message) =>
        write([[["warn", `${terminal.marks.note} ${isShared ? `${shortRun(run)} ` : ""}${oneLine(message)}`]]]),
    },
    begin: (state) => {
      states.set(state.run, state);
      if ((state.request.depth ?? 0) === 0) live?.update(state);
      else live?.child(state);
    },
    say: (text, tone = "plain") => {
      if (!isQuiet) write(text.split("\n").map((line) => [[tone, oneLine(line)]]));
    },
    pause: () => live?.pause(),
    resume: () => live?.resume(),
    end: () => {
      if (!hasEnded) live?.end();
      hasEnded = true;
    },
  };
}

function depthOf(event: RunEvent, state: RunState | undefined): number {
  return (event.type === "run.started" ? event.request.depth : state?.request.depth) ?? 0;
}

/** A child's lines stand below its parent's, moved to the right. */
function placed(line: Line, of: { readonly run: string; readonly depth: number; readonly isShared: boolean }): Line {
  const mark = `${of.isShared ? `${shortRun(of.run)} ` : ""}${"    ".repeat(of.depth)}`;
  return mark === "" ? line : [["dim", mark], ...line];
}

/** Enough of an id to tell runs apart: its random end. */
export function shortRun(run: string): string {
  return run.length <= 12 ? run : `${ELLIPSIS}${run.slice(-8)}`;
}

/**
 * Standard output is for the result: what agents and tools write with `console` goes to standard error, above what is drawn in
 * place.
 */
export function redirectConsole(progress: Progress): void {
  for (const method of ["log", "info", "debug", "warn", "error"] as const) {
    console[method] = (...values: unknown[]) => progress.say(format(...values), "dim");
  }
}
