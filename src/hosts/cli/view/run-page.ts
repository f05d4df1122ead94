/** `show RUN`: a run on one page. */
import type { RunState } from "../../../kernel/state.ts";
import { totalTokens } from "../../../kernel/state.ts";
import { NO_LIMIT } from "../../../kernel/limits.ts";
import type { RunEvent } from "../../../ports/events.ts";
import type { RunRow } from "../../../ports/store.ts";
import type { CallView } from "../../../ports/view.ts";
import { commandLine } from "../command-line.ts";
import type { Attempt, RunHistory } from "../history.ts";
import { atStep, callHead, failure, outcomeMark, statusWords, stepOfCall, textOf, toneOfEnd } from "./event-lines.ts";
import { adviceOnCode } from "./code-advice.ts";
import { ago, callOutput, count, duration, plural, spent } from "./figures.ts";
import { openWords } from "./open-call.ts";
import { type Line, paintLine, type Span } from "./line.ts";
import type { Terminal } from "./terminal.ts";
import { fit, oneLine, padEnd, sanitize } from "./text.ts";
import { adviceOn, waitsOf } from "./waits.ts";

interface PageOptions {
  readonly terminal: Terminal;
  readonly db: string;
  /** Every step, however many. */
  readonly all: boolean;
}

export function showRun(row: RunRow, history: RunHistory, options: PageOptions): readonly string[] {
  const { terminal } = options;
  const paint = (lines: readonly Line[]): readonly string[] => lines.map((line) => paintLine(terminal, line));
  // Commands and paths are there to be copied: they wrap, and are not cut.
  const paintWhole = (lines: readonly Line[]): readonly string[] => lines.map((line) => paintLine(terminal, line, Infinity));
  const blocks = [
    paintWhole(headLines(row, history, options)),
    paintWhole(factLines(row, history)),
    paint(limitLines(history.state, terminal)),
    paint(stepLines(row, history, options)),
    paint(attemptLines(history.attempts)),
    outputLines(history.state, terminal),
  ];
  return blocks.filter((block) => block.length > 0).flatMap((block, i) => (i === 0 ? block : ["", ...block]));
}

// --- status ----------------------------------------------------------------------------------------------------------

function headLines(row: RunRow, { state }: RunHistory, { db }: PageOptions): readonly Line[] {
  const head: Line = [
    ["bold", row.run],
    ["plain", `  ${oneLine(row.agent)}  `],
    [toneOfEnd(row.status), statusWords(row.status)],
  ];
  return [head, ...reasons(row, state, db).map((text): Line => [["plain", `  ${text}`]])];
}

/** Why it stands where it stands, and what can be done. */
function reasons(row: RunRow, state: RunState, db: string): readonly string[] {
  const { run, waitingFor } = row;
  const resume = commandLine(["resume", run], db);
  const waits = waitsOf(waitingFor);
  if (waits.length > 0) {
    const advice = adviceOn(waits, { run, db, calls: state.calls });
    return [...advice.map(({ text, command }) => (command === undefined ? text : `${text} ${command}`)), `Then: ${resume}`];
  }
  if (waitingFor?.kind === "child") {
    return [`${plural(waitingFor.runs.length, "run")} below it waits: ${commandLine(["show", run, "--tree"], db)}`];
  }
  return [...toolReasons(waitingFor, run, db), ...standingReasons(row, state, db)];
}

function toolReasons(waitingFor: RunRow["waitingFor"], run: string, db: string): readonly string[] {
  const resume = commandLine(["resume", run], db);
  if (waitingFor?.kind === "tools_changed") {
    const { source, changes } = waitingFor;
    const look = commandLine(["tools", run, source], db);
    return [`The tools of ${source} changed: ${changes.join(", ")}. Look, then decide: ${look}`, `Then: ${resume}`];
  }
  if (waitingFor?.kind === "lane") return [`It waits for its turn in the lane ${waitingFor.lane}, and begins by itself.`];
  const code = adviceOnCode(run, waitingFor, db);
  return code === undefined ? [] : [`It waits: ${code.why}`, ...code.commands];
}

function standingReasons({ run, status, waitingFor, owner }: RunRow, state: RunState, db: string): readonly string[] {
  if (waitingFor !== undefined) return [];
  const resume = commandLine(["resume", run], db);
  if (status === "interrupted") return ["Nobody drives it: its process ended or died.", `Continue it: ${resume}`];
  if (status === "running") return [`Driven by ${owner ?? "a process"}. Follow it: ${commandLine(["tail", run], db)}`];
  const error = state.settling?.error;
  return error === undefined ? [] : [`${oneLine(error.message)} (${error.code})`];
}

function factLines({ caller, labels, createdAt, updatedAt, seq }: RunRow, { state, lastError }: RunHistory): readonly Line[] {
  const now = Date.now();
  const { agent, request, models } = state;
  const facts: (readonly [string, string | undefined])[] = [
    ["agent", agent.source ?? agent.name],
    ["model", models.join() === agent.tier ? agent.tier : `${agent.tier}: ${models.join(", ")}`],
    ["input", textOf(request.input, 200)],
    ["continues", request.continues?.run],
    ["phases", phasesText(state)],
    ["started", `${clock(createdAt)} (${ago(createdAt, now)})`],
    ["last event", `${clock(updatedAt)} (${ago(updatedAt, now)}), number ${seq}`],
    ["caller", caller],
    [
      "labels",
      labels &&
        Object.entries(labels)
          .map(([name, value]) => `${name}=${value}`)
          .join(" "),
    ],
    [
      "last error",
      lastError && lastError.message !== state.settling?.error?.message
        ? `${failure(lastError.model, lastError.message)} (${ago(lastError.at, now)})`
        : undefined,
    ],
  ];
  return facts.flatMap(([name, value]) => (value === undefined || value === "" ? [] : [fact(name, oneLine(value))]));
}

/** Which are done and which one it is in. */
function phasesText({ definition, phase }: RunState): string | undefined {
  return definition.phases
    ?.map(({ name }, index) => {
      const ended = phase?.ended.find((candidate) => candidate.name === name);
      if (ended !== undefined)
        return `${name} (${plural(ended.steps, "step")}${ended.limit === undefined ? "" : ", at its limit"})`;
      return index === phase?.index ? `${name} (now)` : `${name} (to come)`;
    })
    .join(", ");
}

function fact(name: string, value: string): Line {
  return [
    ["dim", padEnd(name, 12)],
    ["plain", value],
  ];
}

function clock(at: number): string {
  return new Date(at).toISOString().replace("T", " ").slice(0, 19) + "Z";
}

// --- limits ----------------------------------------------------------------------------------------------------------

const BAR_COLUMNS = 20;

function limitLines(state: RunState, terminal: Terminal): readonly Line[] {
  const { limits, costUsd } = state;
  const tokens = totalTokens(state.usage);
  return [
    bar("steps", { used: state.step, limit: limits.maxSteps, words: `${state.step} of ${limits.maxSteps}` }, terminal),
    bar(
      "time",
      { used: state.activeMs, limit: limits.timeMs, words: `${duration(state.activeMs)} of ${duration(limits.timeMs)}` },
      terminal,
    ),
    bar(
      "tokens",
      { used: tokens, limit: limits.tokens, words: `${count(tokens)}${tokenDetail(state)}${of(limits.tokens, count)}` },
      terminal,
    ),
    bar(
      "cost",
      {
        used: costUsd === "unknown" ? undefined : costUsd,
        limit: limits.costUsd,
        words: `${spent(state).replace("cost ", "")}${of(limits.costUsd, (usd) => `$${usd}`)}`,
      },
      terminal,
    ),
  ];
}

function of(limit: number | undefined, format: (limit: number) => string): string {
  return limit === undefined ? ", no limit" : ` of ${format(limit)}`;
}

function tokenDetail({ usage }: RunState): string {
  const parts = [`${count(usage.inputTokens)} in`, `${count(usage.outputTokens)} out`];
  if (usage.cacheReadTokens > 0) parts.push(`${count(usage.cacheReadTokens)} from cache`);
  if (usage.unknownCalls > 0) parts.push(`${plural(usage.unknownCalls, "call")} not known`);
  return ` (${parts.join(", ")})`;
}

interface Gauge {
  readonly used: number | undefined;
  readonly limit: number | undefined;
  readonly words: string;
}

function bar(name: string, { used, limit, words }: Gauge, { marks }: Terminal): Line {
  const isBounded = used !== undefined && limit !== undefined && limit < NO_LIMIT;
  const share = isBounded ? Math.min(1, used / limit) : 0;
  const full = share === 0 ? 0 : Math.max(1, Math.round(share * BAR_COLUMNS));
  return [
    ["dim", padEnd(name, 12)],
    [share >= 0.9 ? "warn" : "accent", marks.full.repeat(full)],
    ["dim", (isBounded ? marks.empty : " ").repeat(BAR_COLUMNS - full)],
    ["plain", `  ${words}`],
  ];
}

// --- steps -----------------------------------------------------------------------------------------------------------

const MOST_STEPS = 40;

function stepLines({ status }: RunRow, { steps: log, state }: RunHistory, { terminal, all }: PageOptions): readonly Line[] {
  const isDriven = status !== "interrupted";
  const steps = log.views(state);
  const shown = all ? steps : steps.slice(-MOST_STEPS);
  const lines: Line[] = [];
  if (shown.length < steps.length)
    lines.push([["dim", `      ${plural(steps.length - shown.length, "earlier step")}: --all shows them`]]);
  let current: string | undefined;
  for (const { step, text, calls, phase } of shown) {
    if (phase !== current) lines.push([["accent", `      phase ${phase ?? ""}`]]);
    current = phase;
    const words = calls.length === 0 ? "answer" : oneLine(text.slice(0, 1_000));
    if (words !== "") lines.push(atStep(step, "dim", " ", [["dim", words]]));
    for (const call of calls) lines.push(callLine(step, call, { state, terminal, isDriven }));
  }
  if (!state.finished && state.model.inFlight)
    lines.push(atStep(state.step, "accent", terminal.marks.call, [["accent", "the model was called and has not answered yet"]]));
  return lines;
}

function callLine(
  step: number,
  view: CallView,
  { state, terminal, isDriven }: { readonly state: RunState; readonly terminal: Terminal; readonly isDriven: boolean },
): Line {
  const { marks } = terminal;
  const open = state.calls.find(({ id, status }) => id === view.call && status !== "ended");
  const columns = terminal.columns();
  const head: Span = ["plain", callHead(view.name, view.input, Math.max(20, Math.floor(columns / 2)))];
  if (open !== undefined) return atStep(step, "accent", marks.call, [head, ["accent", `  ${openWords(open, isDriven)}`]]);
  const took = view.durationMs === undefined ? "" : `  ${duration(view.durationMs)}`;
  const brought = callOutput(view.output, columns);
  const outcome = view.outcome ?? "unknown";
  const [tone, mark] = outcomeMark(outcome, marks);
  return atStep(step, tone, mark, [
    head,
    [tone, outcome === "ok" ? "" : `  ${outcome}`],
    ["dim", `${took}${brought === "" ? "" : `  ${brought}`}`],
  ]);
}

// --- attempts --------------------------------------------------------------------------------------------------------

/** What a crash did to the run, and what it did not. */
function attemptLines(attempts: readonly Attempt[]): readonly Line[] {
  if (attempts.length < 2) return [];
  const crashes = attempts.filter(({ after }) => after === "crash").length;
  const title = `${attempts.length} attempts, ${crashes === 0 ? "no crash" : plural(crashes, "crash").replace("crashs", "crashes")}`;
  return [[["dim", title]], ...attempts.slice(1).flatMap(attemptBlock)];
}

function attemptBlock(attempt: Attempt): readonly Line[] {
  const { number, at, process, after, stepsKept, callsKept } = attempt;
  const how = after === "crash" ? "after a crash" : "after an orderly stop";
  const kept = `${plural(stepsKept, "step")} and ${plural(callsKept, "call")} kept, none repeated`;
  const again = attempt.modelCallAgain ? ", the model call under way made again" : "";
  return [
    [
      ["dim", `${String(number).padStart(3)} ${clock(at)} `],
      ["plain", `${process ?? ""} ${how}: ${kept}${again}`],
    ],
    ...attempt.doubtful.map(({ call, name, decision }): Line => [
      ["warn", `      ? ${name} (step ${stepOfCall(call) + 1}, id ${call}) was under way: `],
      ["plain", decision ?? "not decided yet"],
    ]),
  ];
}

function outputLines({ output, finished }: RunState, terminal: Terminal): readonly string[] {
  if (output === "" || !finished) return [];
  return [terminal.paint("dim", "answer"), ...sanitize(output).split("\n")];
}

// --- journal ---------------------------------------------------------------------------------------------------------

/** One line per event, as it is in the journal. */
export function showEvents(events: readonly RunEvent[], terminal: Terminal): readonly string[] {
  return events.map(({ seq, epoch, at, activeMs: _active, type, ...body }) => {
    const rest = JSON.stringify(body);
    const line: Line = [
      ["dim", `${String(seq).padStart(5)} ${clock(at)} ${epoch} `],
      ["plain", `${padEnd(type, 20)} `],
      ["dim", rest === "{}" ? "" : oneLine(fit(rest.slice(0, 4_000), 4_000))],
    ];
    return paintLine(terminal, line, terminal.stream.isTTY ? terminal.columns() : 10_000);
  });
}
