/** Stops a run before and after each of its writes, lets another process go on, and compares with the same run undisturbed. */
import assert, { AssertionError } from "node:assert/strict";
import { checkSchema } from "../adapters/tools/json-schema-validator.ts";
import type { Agent } from "../run/types.ts";
import { checkPlayed, unknownCalls } from "./crash-checks.ts";
import { type Played, play } from "./crash-play.ts";
import type { CrashOptions, Scenario, Scene } from "./crash-scenario.ts";
import type { Crash } from "./crashing-store.ts";
import type { Script } from "./scripted-model.ts";

export interface CrashReport {
  /** Moments at which a process was stopped: before and after each write. */
  readonly points: number;
  /** Moments at which the process that recovered was stopped as well. */
  readonly pairs: number;
  /** Over all of them: calls of which the model was told that nobody knows whether they happened. */
  readonly unknown: number;
  /** Over all of them: calls that had been finished and ran again, as their `effect` allows, because their result was lost. */
  readonly rerun: number;
}

/**
 * Plays the run with a scripted model, on a memory store and fake time, again and again: each time its process stops at another moment
 * and the next one goes on. Throws an AssertionError that names the moment and the difference, unless each time
 *
 * - the run ends with the same status and transcript, and so does every child;
 * - no call whose result was committed runs again, no committed answer is asked for again, no `once` call runs twice;
 * - every journal is whole and every delivery is made, under one id and with one body;
 * - what happened `outside` is the same.
 *
 * Where the outcome of a call is unknown the model hears of that, so transcripts are not compared; such calls are counted. If tools
 * keep something in memory, give a function that makes the agent anew.
 *
 * @example
 * await crashEverywhere(agent, [{ calls: [{ name: "pay", input: { bill: 17 } }] }, { text: "Paid." }]);
 */
export async function crashEverywhere(
  agent: Agent | ((scene: Scene) => Agent),
  script: Script,
  options: CrashOptions = {},
): Promise<CrashReport> {
  const scenario: Scenario = { ...options, agent, script };
  assert.ok(options.only === undefined || options.only.length > 0, "`only` names no crash, so nothing would be tried");
  const undisturbed = await playUndisturbed(scenario);
  const report = { points: 0, pairs: 0, unknown: 0, rerun: 0 };
  const tryOut = async (crashes: readonly Crash[]): Promise<boolean> => {
    const played = await play(scenario, crashes);
    if (played.missed !== undefined) return false;
    checkPlayed(scenario, undisturbed, played);
    report.unknown += unknownCalls(played);
    report.rerun += played.effects.rerunAfterFinished().length;
    if (crashes.length === 1) report.points++;
    else report.pairs++;
    return true;
  };
  if (options.only !== undefined) {
    assert.ok(await tryOut(options.only), "the run ends before it comes to this write");
    return report;
  }
  const firsts: Crash[] = [];
  for await (const crash of everyCrash((crash) => tryOut([crash]))) firsts.push(crash);
  assert.ok(firsts.length > 0, "nothing was written to the store of the scenario, so nothing was tried");
  // Later: what one crash shows is easier to understand.
  for (const first of options.pairs === true ? firsts : [])
    for await (const second of everyCrash((second) => tryOut([first, second]))) void second;
  return report;
}

/** As long as there is such a write. */
async function* everyCrash(tryOut: (crash: Crash) => Promise<boolean>): AsyncGenerator<Crash> {
  for (const when of ["before", "after"] as const) {
    for (let at = 0; await tryOut({ at, when }); at++) yield { at, when };
  }
}

/** Twice, or thrice: what is loaded by its first use takes real time, and nothing can be compared with a run that is never the same. */
async function playUndisturbed(scenario: Scenario): Promise<Played> {
  await checkSchema({ type: "object" }, "the first");
  await checkSchema({ $schema: "http://json-schema.org/draft-07/schema#", type: "object" }, "the second");
  await play(scenario, []);
  const first = await play(scenario, []);
  const { result } = first;
  const { status = "completed" } = scenario;
  if (result.status !== status)
    throw new AssertionError({
      message: `undisturbed, the run is ${result.status}, not ${status}${hintFor(first)}`,
      actual: result.status,
      expected: status,
    });
  if (scenario.mayCallUnknown !== true && first.unknownTool !== undefined)
    throw new AssertionError({ message: `${first.unknownTool}. If it is meant to, say \`mayCallUnknown: true\`` });
  checkPlayed(scenario, first, first);
  const second = await play(scenario, []);
  try {
    checkPlayed(scenario, first, second);
  } catch (cause) {
    const message =
      "two undisturbed runs differ, so there is nothing to compare with: script and tools must do the same each time";
    throw new AssertionError({ message: `${message}. ${cause instanceof Error ? cause.message : String(cause)}` });
  }
  return first;
}

function hintFor({ result: { error, waitingFor } }: Played): string {
  if (waitingFor !== undefined)
    return `: it waits for ${JSON.stringify(waitingFor)}. Say in \`whenWaiting\` what is done about it`;
  return error === undefined ? "" : `: ${error.message}`;
}
