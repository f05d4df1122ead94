/** One run on a terminal, redrawn in place below what has scrolled by. */
import { withoutSecrets } from "../secrets.ts";
import type { CallState, RunState } from "../../../kernel/state.ts";
import { totalTokens } from "../../../kernel/state.ts";
import type { RunEvent } from "../../../ports/events.ts";
import type { ModelDelta } from "../../../ports/models.ts";
import type { DeltaOrigin } from "../../../ports/observer.ts";
import { atStep, callHead } from "./event-lines.ts";
import { count, duration, spent } from "./figures.ts";
import { type Line, paintLine } from "./line.ts";
import { currentStep } from "./standing.ts";
import type { Terminal } from "./terminal.ts";
import { fit, fitEnd, oneLine, widthOf } from "./text.ts";

export interface LiveView {
  update(state: RunState, event?: RunEvent): void;
  /** Where a run below it stands. */
  child(state: RunState): void;
  delta(origin: DeltaOrigin, delta: ModelDelta): void;
  /** Lines that stay, above what is redrawn. */
  print(lines: readonly Line[]): void;
  /** Nothing is drawn until `resume`. */
  pause(): void;
  resume(): void;
  end(): void;
}

const FRAME_MS = 100;
/** What has to be read in full may wrap; nothing fills the screen. */
export const MOST_ROWS = 3;
const MOST_CALLS = 8;
/** Of a streamed answer only the end is shown. */
const KEPT_TEXT = 2_000;

export function createLiveView(terminal: Terminal): LiveView {
  const region = new Region(terminal);
  let state: RunState | undefined;
  let since = performance.now();
  let text = "";
  let attempt = 0;
  let frame = 0;
  const callsSince = new Map<string, number>();
  const children = new Map<string, RunState>();

  let isPaused = false;
  const draw = (): void => {
    if (state !== undefined && !isPaused)
      region.draw(frameLines({ state, text, frame, callsSince, children, elapsedMs: performance.now() - since }, terminal));
  };
  // Kept running: a process whose only work is to wait for others would end without it.
  const timer = setInterval(() => {
    frame++;
    draw();
  }, FRAME_MS);

  return {
    update: (next, event) => {
      state = next;
      since = performance.now();
      if (event?.type === "model.answered" || event?.type === "model.failed") text = "";
      for (const { id, status } of next.calls) if (status !== "ended" && !callsSince.has(id)) callsSince.set(id, since);
      if (next.calls.length === 0) callsSince.clear();
    },
    child: (next) => {
      if (next.finished) children.delete(next.run);
      else children.set(next.run, next);
    },
    delta: (origin, delta) => {
      if (origin.attempt !== attempt) text = "";
      attempt = origin.attempt;
      if (delta.type !== "tool-input.delta") text = (text + delta.text).slice(-KEPT_TEXT);
    },
    print: (lines) => region.print(lines),
    pause: () => {
      isPaused = true;
      region.clear();
    },
    resume: () => {
      isPaused = false;
    },
    end: () => {
      clearInterval(timer);
      region.clear();
    },
  };
}

// --- what is drawn ---------------------------------------------------------------------------------------------------

interface Frame {
  readonly state: RunState;
  readonly text: string;
  readonly frame: number;
  readonly callsSince: ReadonlyMap<string, number>;
  readonly children: ReadonlyMap<string, RunState>;
  readonly elapsedMs: number;
}

function frameLines(frame: Frame, terminal: Terminal): readonly Line[] {
  const { state } = frame;
  if (state.finished) return [];
  const { spinner } = terminal.marks;
  const spin = spinner[frame.frame % spinner.length] ?? "";
  const open = state.calls.filter(({ status }) => status !== "ended");
  const lines: Line[] = open
    .slice(0, MOST_CALLS)
    .flatMap((call) => [callLine(call, spin, frame, terminal), ...childLines(call, frame, terminal)]);
  if (open.length > MOST_CALLS) lines.push([["dim", `       and ${open.length - MOST_CALLS} more`]]);
  if (open.length === 0) lines.push(modelLine(frame, spin, terminal));
  lines.push(...state.background.slice(0, MOST_CALLS).flatMap((call) => childLines(call, frame, terminal)));
  lines.push(footer(frame, terminal));
  return lines;
}

function callLine(call: CallState, spin: string, { callsSince, state }: Frame, terminal: Terminal): Line {
  const ranMs = performance.now() - (callsSince.get(call.id) ?? performance.now());
  const name = callHead(call.name, call.input, Math.max(20, terminal.columns() - 30));
  return atStep(state.step - 1, "accent", spin, [
    ["plain", name],
    ["dim", ranMs < 1_000 ? "" : `  ${duration(ranMs)}`],
  ]);
}

/** What the runs below a call are doing: a line each, however deep. */
function childLines({ child }: CallState, { children }: Pick<Frame, "children">, terminal: Terminal): readonly Line[] {
  const state = child === undefined ? undefined : children.get(child.run);
  if (state === undefined) return [];
  const open = state.calls.filter(({ status }) => status !== "ended");
  const doing = open.map(({ name }) => name).join(", ") || (state.models[state.model.candidate] ?? "");
  const indent = "    ".repeat(1 + (state.request.depth ?? 1));
  const text = `${indent}${state.agent.name} step ${currentStep(state)}/${state.limits.maxSteps} ${terminal.marks.dot} ${doing}`;
  return [
    [["dim", fit(oneLine(text), terminal.columns() - 1)]],
    ...open.flatMap((call) => childLines(call, { children }, terminal)),
  ];
}

function modelLine({ state, text, elapsedMs }: Frame, spin: string, terminal: Terminal): Line {
  const said = oneLine(text);
  const model = state.models[state.model.candidate] ?? "the model";
  const waits = state.model.inFlight ? `${model}${elapsedMs < 2_000 ? "" : ` ${duration(elapsedMs)}`}` : waitingText(state);
  const words = said === "" ? waits : fitEnd(said, terminal.columns() - 8);
  return atStep(state.step, "accent", spin, [["dim", words]]);
}

function waitingText({ model }: RunState): string {
  if (model.retryAt === undefined) return "";
  const inMs = model.retryAt - Date.now();
  return inMs > 0 ? `trying again in ${duration(Math.ceil(inMs / 1_000) * 1_000)}` : "";
}

/** In a narrow terminal its last parts are left out. */
function footer({ state, elapsedMs }: Frame, terminal: Terminal): Line {
  const { limits } = state;
  const tokens = count(totalTokens(state.usage)) + (limits.tokens === undefined ? "" : `/${count(limits.tokens)}`);
  const cost = spent(state) + (limits.costUsd === undefined ? "" : `/$${limits.costUsd}`);
  const active = Math.floor((state.activeMs + elapsedMs) / 1_000) * 1_000;
  const time = `${duration(active).replace(/^0ms$/, "0s")}/${duration(limits.timeMs)}`;
  const step = `step ${currentStep(state)}/${limits.maxSteps}`;
  const phase = state.phase === undefined ? [] : [`phase ${oneLine(state.phase.name)}`];
  const parts = [step, ...phase, `pid ${process.pid}`, time, `${tokens} tokens`, cost, "Ctrl-C stops, resumable"];
  const join = (): string => `    ${parts.join(` ${terminal.marks.dot} `)}`;
  while (parts.length > 1 && widthOf(join()) >= terminal.columns()) parts.pop();
  return [["dim", join()]];
}

// --- redrawing -------------------------------------------------------------------------------------------------------

/** A frame is one write, marked as such for terminals that know it, and rewrites lines instead of blanking them first. */
const BEGIN_FRAME = "\u001B[?2026h";
const END_FRAME = "\u001B[?2026l";
const CLEAR_LINE_END = "\u001B[K";
const CLEAR_BELOW = "\u001B[J";

class Region {
  readonly #terminal: Terminal;
  #drawn: readonly string[] = [];
  #lines: readonly Line[] = [];

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  draw(lines: readonly Line[]): void {
    this.#lines = lines;
    const painted = this.#paint(lines);
    const isSame = painted.length === this.#drawn.length && painted.every((line, i) => line === this.#drawn[i]);
    if (!isSame) this.#write([], painted);
  }

  print(lines: readonly Line[]): void {
    const wrapped = lines.map((line) => paintLine(this.#terminal, line, this.#terminal.columns() * MOST_ROWS));
    this.#write(wrapped, this.#paint(this.#lines));
  }

  clear(): void {
    this.#lines = [];
    this.#write([], []);
  }

  #paint(lines: readonly Line[]): readonly string[] {
    const columns = this.#terminal.columns() - 1;
    return lines.map((line) => paintLine(this.#terminal, line, columns));
  }

  /** The cursor rests on the line below: whatever comes after us, a prompt say, starts on a line of its own. */
  #write(above: readonly string[], region: readonly string[]): void {
    const rows = this.#rowsDrawn();
    const up = rows === 0 ? "" : `\r\u001B[${rows}A`;
    const lines = [...above, ...region].map((line) => `${line}${CLEAR_LINE_END}\n`);
    this.#terminal.stream.write(`${BEGIN_FRAME}${up}${withoutSecrets(lines.join(""))}${CLEAR_BELOW}${END_FRAME}`);
    this.#drawn = region;
  }

  /** A terminal that became narrower has wrapped what was drawn. */
  #rowsDrawn(): number {
    const columns = this.#terminal.columns();
    return this.#drawn.reduce((rows, line) => rows + Math.max(1, Math.ceil(widthOf(line) / columns)), 0);
  }
}
