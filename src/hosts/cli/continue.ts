/** Runs that can go on: found, checked, and taken over with the code of their agent. */
import { basename } from "node:path";
import { ExecutusError, isExecutusError } from "../../kernel/errors.ts";
import type { RunState } from "../../kernel/state.ts";
import { isFinal } from "../../kernel/status.ts";
import type { RunStarted } from "../../ports/events.ts";
import type { Models } from "../../ports/models.ts";
import type { RunRow, Store } from "../../ports/store.ts";
import { foldJournal } from "../../run/result.ts";
import { ROOT_LABEL } from "./agent-setup.ts";
import { leftUnderWay } from "./view/event-lines.ts";
import { plural } from "./view/figures.ts";
import type { Progress } from "./view/progress.ts";
import { callsDone, currentStep } from "./view/standing.ts";

const MOST_LOOKED_AT = 100;

export interface Beginning {
  readonly source: string;
  readonly input: string;
  /** The run it goes on from. */
  readonly continues: string | undefined;
}

/** The newest run of the same agent file and input that was interrupted or waits, and that nobody alive drives. */
export async function findResumable(store: Store, wanted: Beginning): Promise<RunRow | undefined> {
  for (const row of await store.runs.list({ status: ["interrupted", "waiting"], limit: MOST_LOOKED_AT })) {
    // A child goes on with the run it belongs to.
    if (row.owner !== undefined || row.root !== undefined) continue;
    const start = await startOf(store, row.run);
    if (start !== undefined && isSame(beginningOf(start), wanted)) return row;
  }
  return undefined;
}

/** A damaged journal is one run's trouble; it is passed over here and named by `show` and `store check`. */
async function startOf(store: Store, run: string): Promise<RunStarted | undefined> {
  try {
    const [first] = await store.journal.read(run, { limit: 1 });
    return first?.type === "run.started" ? first : undefined;
  } catch (error) {
    if (isExecutusError(error) && error.code === "journal_damaged") return undefined;
    throw error;
  }
}

export function beginningOf({ agent, request }: Pick<RunStarted, "agent" | "request">): Beginning {
  const texts = request.input.flatMap((part) => (part.type === "text" && !part.text.startsWith(LIST) ? [part.text] : []));
  const images = request.input.flatMap((part) => (part.type === "file" ? [part.filename ?? part.mediaType] : []));
  const files = (request.attachments ?? []).map(({ name }) => name);
  return {
    source: agent.source ?? agent.name,
    input: withFiles(texts.join("\n"), [...images, ...files]),
    continues: request.continues?.run,
  };
}

/** The list of files that admission adds to the first turn. */
const LIST = "[ATTACHED FILES]";

/** What was asked, with the names of the files that came along, in any order. */
export function withFiles(input: string, files: readonly string[]): string {
  return [input, ...files.map((file) => `[${basename(file)}]`).toSorted()].join("\n");
}

export function isSame(one: Beginning, other: Beginning): boolean {
  return one.source === other.source && one.input === other.input && one.continues === other.continues;
}

export async function loadState(store: Store, run: string): Promise<RunState | undefined> {
  return foldJournal(await store.journal.read(run))?.state;
}

/** Where the unfinished runs below a continued run stand, so that what happens to them can be shown. */
export async function beginChildren(store: Store, progress: Pick<Progress, "begin">, { run, request }: RunState): Promise<void> {
  for (const row of await store.runs.list({ root: request.root ?? run })) {
    const state = isFinal(row.status) || row.run === run ? undefined : await loadState(store, row.run);
    if (state !== undefined) progress.begin(state);
  }
}

export function rootOf(state: RunState): string {
  return state.request.labels?.[ROOT_LABEL] ?? process.cwd();
}

/**
 * A run keeps the models it began with. Rejects with the reason when none of them can be called here: taking it over all the
 * same would make it fail for good.
 */
export async function checkModels(models: Models, state: RunState): Promise<void> {
  if (state.models.length === 0) return;
  let problem: unknown;
  for (const tier of [state.agent.tier, ...state.models]) {
    try {
      const ids = (await models.resolve(tier)).map(({ id }) => id);
      if (ids.some((id) => state.models.includes(id))) return;
    } catch (error) {
      // The last one is about a model the run has begun with, not about a tier.
      problem = error;
    }
  }
  throw problem ?? unavailable(state);
}

function unavailable({ run, models }: RunState): ExecutusError {
  const hint = "Configure that model again, or start a fresh run.";
  return new ExecutusError("model_unknown", `${run} began with ${models.join(", ")}, which is not configured here`, {
    run,
    hint,
  });
}

/** `step 5 of 30, 7 calls done, none repeated`. */
export function standing(state: RunState): string {
  const calls = callsDone(state);
  const step = `step ${currentStep(state)} of ${state.limits.maxSteps}`;
  const done = `${plural(calls, "call")} done${calls === 0 ? "" : ", none repeated"}`;
  return [step, done, ...leftUnderWay(state)].join(", ");
}
