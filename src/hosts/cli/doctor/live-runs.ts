/** Whether every live run of a store could go on with this build, its agents and its models. */
import type { ResumePlan } from "../../../ports/plan.ts";
import type { RunRow } from "../../../ports/store.ts";
import { codeForRun } from "../code-for-run.ts";
import { commandLine } from "../command-line.ts";
import { loadState } from "../continue.ts";
import { describeError } from "../describe-error.ts";
import { type Host, openHost } from "../open.ts";
import { plural } from "../view/figures.ts";
import type { Finding } from "./examine.ts";

const MOST_RUNS = 10_000;
const LIVE = ["running", "waiting", "interrupted", "queued"] as const;

export async function examineLiveRuns(db: string, modelsFile: string | undefined): Promise<readonly Finding[]> {
  const host = openHost({ db, access: "read" });
  try {
    const rows = await host.store.runs.list({ status: LIVE, limit: MOST_RUNS });
    const findings: Finding[] = [];
    for (const row of rows) findings.push(...(await examineRun(host, row, modelsFile)));
    const bad = findings.filter(({ level }) => level === "bad").length;
    const text = `${plural(rows.length, "live run")}, ${rows.length - bad} could go on here`;
    return [...findings, { level: bad === 0 ? "ok" : "warn", what: "live runs", text }];
  } finally {
    await host.close();
  }
}

async function examineRun(host: Host, row: RunRow, modelsFile: string | undefined): Promise<readonly Finding[]> {
  const hint = `Call by call: ${commandLine(["plan", row.run], host.db)}`;
  const finding = (level: "warn" | "bad", text: string): Finding => {
    const found: Finding = { level, what: "run", text: `${row.run} (${row.agent}) ${text}`, hint };
    return level === "bad" ? { ...found, exitCode: 2 } : found;
  };
  try {
    const state = await loadState(host.store, row.run);
    if (state === undefined) return [];
    const code = await codeForRun(state, {
      store: host.store,
      blobs: host.blobs,
      trustMcp: "unused",
      ...(modelsFile === undefined ? {} : { modelsFile }),
    });
    const plan = await host.executorWith({ wakes: false, ...code.options }).plan(row.run);
    const problem = obstacleOf(plan);
    if (problem !== undefined) return [finding("bad", `could not go on: ${problem}`)];
    const { definition } = plan;
    if (definition === undefined || definition.policy === "pin") return [];
    return [
      finding(
        "warn",
        `would ${definition.policy === "ask" ? "ask about" : "adopt"} a changed agent: ${definition.changes.join("; ")}`,
      ),
    ];
  } catch (error) {
    return [finding("bad", `could not go on: ${describeError(error).message}`)];
  }
}

function obstacleOf({ waitingFor, missing, problem, ends }: ResumePlan): string | undefined {
  if (ends !== undefined) return undefined;
  if (waitingFor?.kind === "agent_missing") return `its agent ${waitingFor.agent} is not here`;
  if (missing.length > 0) return `there is no code for ${missing.join(", ")}`;
  return problem?.message;
}
