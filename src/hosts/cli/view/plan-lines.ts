/** `plan RUN`: what a resume would do, in words. */
import type { PlannedCall, ResumePlan } from "../../../ports/plan.ts";
import { adviceOnCode } from "./code-advice.ts";
import { callHead, statusWords, stepOfCall } from "./event-lines.ts";
import { plural } from "./figures.ts";
import { oneLine } from "./text.ts";

const COLUMNS = 60;

export function planLines(plan: ResumePlan, db: string): readonly string[] {
  const { run, agent, status, done, owner, problem } = plan;
  const standing = `${plural(done.steps, "step")} and ${plural(done.calls, "call")} are done and stay done`;
  return [
    `${run}  ${oneLine(agent)}  ${statusWords(status)}`,
    ...(owner === undefined ? [] : [`  driven by ${owner}: a resume elsewhere is refused until that process has ended`]),
    `  ${standing}`,
    ...forkLines(plan),
    ...definitionLines(plan),
    ...(plan.refusedAnswers ?? []).map((why) => `  an answer that waits is refused: ${oneLine(why)}`),
    ...plan.calls.flatMap(callLines),
    ...(plan.model === undefined
      ? []
      : [
          `  step ${plan.model.step + 1}  ${plan.model.id} is called${plan.model.attempt > 1 ? ` (try ${plan.model.attempt})` : ""}`,
        ]),
    ...plan.others.map((effect) => `  ${effect}`),
    ...endLines(plan, db),
    ...(problem === undefined ? [] : [`  it cannot be taken over here: ${problem.message}`]),
  ];
}

function callLines(call: PlannedCall): readonly string[] {
  const line = `  step ${stepOfCall(call.call) + 1}  ${callHead(call.name, call.input, COLUMNS)}: ${callWords(call)}`;
  if (call.inputBefore === undefined) return [line];
  return [line, `    a person changed its arguments; the model gave ${callHead("", call.inputBefore, COLUMNS).trim()}`];
}

function forkLines({ fork }: ResumePlan): readonly string[] {
  if (fork === undefined) return [];
  const head = `  up to event ${fork.seq} it is a copy of ${oneLine(fork.run)}`;
  if (fork.edits.length === 0) return [head];
  return [`${head}, in which this was changed:`, ...fork.edits.map((edit) => `    ${oneLine(edit)}`)];
}

function definitionLines({ definition }: ResumePlan): readonly string[] {
  if (definition === undefined) return [];
  const { policy, changes, problem } = definition;
  if (problem !== undefined) return [`  its agent here cannot be used: ${problem}. It goes on with the definition it has`];
  const does = { pin: "it goes on with the one it began with", adopt: "it is adopted", ask: "a person is asked" }[policy];
  return [`  the definition of its agent changed (${policy}: ${does}):`, ...changes.map((change) => `    ${oneLine(change)}`)];
}

function callWords({ plan, inDoubt, effect, message, child }: PlannedCall): string {
  switch (plan) {
    case "runs":
      if (child !== undefined) return childWords(child);
      if (inDoubt) return `may have happened, and runs again (${effect})`;
      return effect === "once" ? "runs" : `runs, again if it had begun (${effect})`;
    case "reconciles":
      return "may have happened: its tool is asked";
    case "told-unknown":
      return "may have happened: it is not repeated, and the model is told so";
    case "waits":
      return inDoubt ? "may have happened: a person is asked" : "waits";
    case "answered":
      return `is not run${message === undefined ? "" : `: ${oneLine(message)}`}`;
  }
}

function childWords({ run, status }: NonNullable<PlannedCall["child"]>): string {
  if (status === undefined) return `is handed on to a run of its own, ${oneLine(run)}`;
  return `goes on in its own run ${oneLine(run)} (${statusWords(status)})`;
}

function endLines({ ends, waitingFor, run }: ResumePlan, db: string): readonly string[] {
  if (ends !== undefined) return [`  then it ends: ${statusWords(ends.status)}`];
  if (waitingFor === undefined) return [];
  const advice = adviceOnCode(run, waitingFor, db);
  if (advice === undefined) return [`  then it waits: ${waitingFor.kind}`];
  return [`  then it waits: ${advice.why}`, ...advice.commands.map((command) => `    ${command}`)];
}
