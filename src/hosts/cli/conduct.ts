/** One run in the hands of this command: progress, Ctrl-C, and what is said at its end. */
import { isExecutusError } from "../../kernel/errors.ts";
import { isFinal } from "../../kernel/status.ts";
import type { WaitingFor } from "../../ports/view.ts";
import type { Wait } from "../../ports/waiting.ts";
import type { Executor, RunHandle, RunResult } from "../../run/types.ts";
import { commandLine } from "./command-line.ts";
import { deliverOutcome } from "./delivery.ts";
import { describeError } from "./describe-error.ts";
import { EXIT_FAILED, exitCodeOfRun, exitCodeOfSignal } from "./exit-codes.ts";
import { type Interrupt, listenForInterrupts } from "./interrupts.ts";
import type { Host } from "./open.ts";
import type { SaveOutput } from "./output-file.ts";
import { note, print, printJson, printJsonLine, writeError } from "./output.ts";
import { toResultJson } from "./result-json.ts";
import { streamEvents } from "./stream.ts";
import { sender } from "./tell.ts";
import { endHere } from "./undriven.ts";
import { adviceOnCode } from "./view/code-advice.ts";
import { callHead, callNames } from "./view/event-lines.ts";
import { plural } from "./view/figures.ts";
import type { Progress } from "./view/progress.ts";
import { adviceOn, isForPerson, type KnownCall, waitsOf } from "./view/waits.ts";

export type OutputFormat = "text" | "json" | "stream-json";

export interface Conduct {
  readonly host: Host;
  readonly executor: Executor;
  readonly handle: RunHandle;
  readonly progress: Progress;
  readonly format: OutputFormat;
  /** Also write the final text here. */
  readonly saveOutput?: SaveOutput;
  /** The command that continues this run. */
  readonly continueWith: string;
}

/** Waits for the end of the run, or for the person to stop it; prints the result and returns the exit code. */
export async function conduct(options: Conduct): Promise<number> {
  const { host, executor, handle, progress } = options;
  let cancelled: Promise<unknown> | undefined;
  const interrupts = listenForInterrupts({
    drain: (signal) => {
      progress.say(
        `${nameOf(signal)}: stopping once the calls under way are back${signal === "SIGINT" ? " (again: cancel the run)" : ""}`,
        "warn",
      );
      void executor.shutdown();
    },
    cancel: () => {
      progress.say("Ctrl-C again: cancelling the run", "warn");
      cancelled = handle.cancel("Ctrl-C twice");
    },
  });
  const stream = options.format === "stream-json" ? streamEvents(host.executor, handle.run) : undefined;
  let result = await handle.result;
  while (result.status === "waiting" && interrupts.first === undefined) {
    const next = await answerHere(options, result);
    if (next === undefined) break;
    result = next;
  }
  if (cancelled !== undefined && !isFinal(result.status)) result = await cancelHere(host, result, cancelled);
  progress.end();
  await stream?.finish();
  printResult(result, options);
  const isSaved = await save(result, options);
  explain(result, options, interrupts.first);
  await deliverOutcome(executor, result, host.db);
  interrupts.stop();
  if (result.status === "interrupted" && interrupts.first !== undefined) return exitCodeOfSignal(interrupts.first);
  return isSaved ? exitCodeOfRun(result) : EXIT_FAILED;
}

/** A file that cannot be written is told, and takes nothing from what has been printed. */
export async function save(result: RunResult, { saveOutput, host }: Pick<Conduct, "saveOutput" | "host">): Promise<boolean> {
  if (saveOutput === undefined || !hasAnswer(result)) return true;
  try {
    await saveOutput(answerOf(result));
    return true;
  } catch (error) {
    writeError(describeError(error, host.db).text);
    note(`The answer is kept with the run: ${commandLine(["show", result.run], host.db)}`);
    return false;
  }
}

/** The person at this terminal is asked what the run waits for. Undefined when nobody is there, or has nothing to say now. */
async function answerHere({ executor, progress, format }: Conduct, result: RunResult): Promise<RunResult | undefined> {
  const { run, waitingFor } = result;
  const waits = waitsOf(waitingFor).filter(isForPerson);
  if (waits.length === 0 || format !== "text" || !process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  const { askPerson } = await import("./ask-person.ts");
  const calls = callsOf(result);
  progress.pause();
  const commands = await askPerson({ waits, calls });
  progress.resume();
  for (const command of commands) await executor.send(run, command, { from: sender() });
  return commands.length === 0 ? undefined : joined(executor, run);
}

/** What it was told has woken it; it may even be through by now. */
async function joined(executor: Executor, run: string): Promise<RunResult> {
  try {
    return await (
      await executor.resume(run)
    ).result;
  } catch (error) {
    if (isExecutusError(error) && error.code === "run_finished") return executor.result(run);
    throw error;
  }
}

/** The drain was over before the cancel could reach the run. */
async function cancelHere(host: Host, result: RunResult, sent: Promise<unknown>): Promise<RunResult> {
  await sent;
  return (await endHere(host, result.run)) ?? result;
}

function nameOf(signal: Interrupt): string {
  return signal === "SIGINT" ? "Ctrl-C" : signal;
}

export function printResult(result: RunResult, { format }: Pick<Conduct, "format">): void {
  if (format === "json") printJson(toResultJson(result));
  else if (format === "stream-json") printJsonLine(toResultJson(result));
  else if (hasAnswer(result) && answerOf(result) !== "") print(answerOf(result));
}

/** What was asked for as data is printed as data, whatever stood around it. */
function answerOf({ output, data }: RunResult): string {
  return data === undefined ? output : JSON.stringify(data);
}

const ANSWERED: readonly RunResult["status"][] = ["completed", "out_of_steps", "timed_out", "over_budget", "looping"];

/** Done, or as far as a bound let it come; anything else is words said on the way. */
function hasAnswer({ status }: RunResult): boolean {
  return ANSWERED.includes(status);
}

/** What the person has to know, and the command that helps. */
export function explain(
  result: RunResult,
  { host, continueWith }: Pick<Conduct, "host" | "continueWith">,
  signal?: Interrupt,
): void {
  const { run, status, error, waitingFor } = result;
  if (status === "completed") return;
  if (status === "interrupted") {
    if (signal === undefined) writeError(`executus: ${run} stands still: ${error?.message ?? "its driver left it"}`);
    note(
      `${run} is kept after ${plural(result.steps.length, "step")} and ${plural(result.toolCalls, "call")}. Continue it:\n  ${continueWith}`,
    );
    return;
  }
  if (waitingFor !== undefined) return explainWaiting(result, waitingFor, host.db);
  writeError(`${run} ${status.replaceAll("_", " ")}${error === undefined ? "" : `: ${error.message}`}`);
  note(`How it went: ${commandLine(["show", run], host.db)}`);
}

function explainWaiting(result: RunResult, waitingFor: WaitingFor, db: string): void {
  const { run } = result;
  const resume = resumeLine(run, db);
  switch (waitingFor.kind) {
    case "tools_changed": {
      const { source, changes } = waitingFor;
      const decide = (decision: string): string => commandLine(["tools", run, source, decision], db);
      writeError(`${run} waits for a person: the tools of ${source} changed: ${changes.join(", ")}`);
      note(
        `Look (${commandLine(["tools", run, source], db)}), decide, then resume:\n  ${decide("adopt")}\n  ${decide("pin")}\n  ${resume}`,
      );
      return;
    }
    case "child":
      writeError(`${run} waits for what it handed on: ${waitingFor.runs.join(", ")}`);
      note(`Where that stands: ${commandLine(["show", run, "--tree"], db)}\nThen: ${resume}`);
      return;
    case "lane":
      note(`${run} waits for its turn in the lane ${waitingFor.lane}. Begin it when there is room:\n  ${resume}`);
      return;
    case "tools_missing":
    case "agent_missing":
    case "agent_changed":
      return explainCode(run, waitingFor, db);
    case "resolution":
      if (waitingFor.waits.length === waitingFor.calls.length) return explainDoubt(result, waitingFor.calls, db);
      return explainWaits(result, waitingFor.waits, db);
    default:
      return explainWaits(result, waitingFor.waits, db);
  }
}

function explainCode(run: string, waitingFor: WaitingFor, db: string): void {
  const advice = adviceOnCode(run, waitingFor, db);
  if (advice === undefined) return;
  writeError(`${run} waits: ${advice.why}`);
  note(`  ${advice.commands.join("\n  ")}`);
}

function callsOf({ steps }: RunResult): readonly KnownCall[] {
  return (steps.at(-1)?.calls ?? []).map(({ call, name, input }) => ({ id: call, name, input }));
}

function explainWaits(result: RunResult, waits: readonly Wait[], db: string): void {
  const { run } = result;
  writeError(`${run} waits${waits.some(isForPerson) ? " for a person" : ""}`);
  const lines = adviceOn(waits, { run, db, calls: callsOf(result) }).flatMap(({ text, command }) => [
    text,
    ...(command === undefined ? [] : [`  ${command}`]),
  ]);
  note(`${lines.join("\n")}\nThen it goes on with:\n  ${resumeLine(run, db)}`);
}

/** Each call with the command that decides it. */
function explainDoubt({ run, steps }: RunResult, ids: readonly string[], db: string): void {
  const calls = steps.at(-1)?.calls.filter(({ call }) => ids.includes(call)) ?? [];
  writeError(`${run} waits for a person: did ${callNames(calls)} happen? Step ${steps.length} was interrupted there.`);
  const lines = calls.flatMap(({ call, name, input }) => [
    ...(calls.length === 1 ? [] : [`${callHead(name, input, 60)}:`]),
    commandLine(["resolve", run, call, "--outcome", "done"], db),
  ]);
  note(`Look, then say so (done, failed or retry), then resume:\n  ${[...lines, resumeLine(run, db)].join("\n  ")}`);
}

export function resumeLine(run: string, db: string): string {
  return commandLine(["resume", run], db);
}
