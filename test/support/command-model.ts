/**
 * What runs of the sequences' agent must look like once nothing more happens without somebody or without time: a model that knows
 * nothing of journals.
 *
 * The agent makes a call that a person must approve, then one that takes a second, then it answers.
 */

/** How long the second call takes, ms. */
export const WORK_MS = 1_000;

export type WorkerName = "a" | "b";
export type Ending = "completed" | "cancelled" | "killed";
export type Stop = "cancel" | "kill";

export interface ModelRun {
  /** `asking`: for the approval; `working`: in the second call. */
  phase: "asking" | "working" | "ended";
  ending: Ending | undefined;
  /** Who is in the second call; undefined when that process has died. */
  driver: WorkerName | undefined;
  /** When the second call comes back, if its driver lives. */
  workEndsAt: number;
  /** Whether the second call may simply run again after a crash; else its outcome is unknown then. */
  readonly mayRepeat: boolean;
  /** Told while nobody drove it, and not heard of yet. */
  pendingStop: Stop | undefined;
  /** Ids of what it was told, accepted ones. */
  readonly told: Set<string>;
}

export interface Model {
  now: number;
  readonly alive: Record<WorkerName, boolean>;
  readonly runs: Map<string, ModelRun>;
  /** Forks: how they go on is not foretold, only that they end. */
  readonly forks: string[];
}

export function newModel(): Model {
  return { now: 0, alive: { a: true, b: true }, runs: new Map(), forks: [] };
}

/** What its row says. */
export function statusOf({ phase, ending, driver }: ModelRun): string {
  if (phase === "asking") return "waiting";
  if (phase === "ended") return ending ?? "completed";
  return driver === undefined ? "interrupted" : "running";
}

export function start(model: Model, run: string, by: WorkerName): void {
  const known = model.runs.get(run);
  if (known !== undefined) return takeOver(model, known, by);
  model.runs.set(run, {
    phase: "asking",
    ending: undefined,
    driver: undefined,
    workEndsAt: 0,
    mayRepeat: run.endsWith("even"),
    pendingStop: undefined,
    told: new Set(),
  });
}

/** Somebody wants the run driven here. One that waits goes on waiting, and one that is driven stays where it is. */
export function takeOver(model: Model, run: ModelRun, by: WorkerName): void {
  if (run.phase !== "working" || run.driver !== undefined) return;
  if (run.pendingStop !== undefined) return end(run, run.pendingStop);
  if (!run.mayRepeat) return complete(run);
  run.driver = by;
  run.workEndsAt = model.now + WORK_MS;
}

function end(run: ModelRun, stop: Stop): void {
  run.phase = "ended";
  run.ending = endingOf(stop);
}

export function endingOf(stop: Stop): Ending {
  return stop === "kill" ? "killed" : "cancelled";
}

function complete(run: ModelRun): void {
  run.phase = "ended";
  run.ending = "completed";
}

export type Sent = "accepted" | "duplicate" | "run_finished" | "run_unknown";

export interface Message {
  readonly run: string;
  readonly kind: "approve" | "deny" | "steer" | Stop;
  readonly id: string;
}

/** What the sender is told, and what comes of it. */
export function tell(model: Model, { run: name, kind, id }: Message, by: WorkerName): Sent {
  const run = model.runs.get(name);
  if (run === undefined) return "run_unknown";
  if (run.told.has(id)) return "duplicate";
  if (run.phase === "ended") return "run_finished";
  run.told.add(id);
  if (kind === "approve" || kind === "deny") answered(model, run, by);
  else if (kind !== "steer") stopped(run, kind);
  return "accepted";
}

function answered(model: Model, run: ModelRun, by: WorkerName): void {
  // A second answer comes too late, and changes nothing.
  if (run.phase !== "asking") return;
  run.phase = "working";
  run.driver = by;
  run.workEndsAt = model.now + WORK_MS;
}

/** A run that waits hears at once; one whose process has died hears when somebody takes it over. */
function stopped(run: ModelRun, kind: Stop): void {
  if (run.phase === "asking" || run.driver !== undefined) return end(run, kind);
  if (run.pendingStop !== "kill") run.pendingStop = kind;
}

export function crash(model: Model, worker: WorkerName): void {
  model.alive[worker] = false;
  for (const run of model.runs.values()) if (run.driver === worker) run.driver = undefined;
}

/** A process that starts looks for what nobody drives. */
export function restart(model: Model, worker: WorkerName): void {
  model.alive[worker] = true;
  for (const run of model.runs.values()) takeOver(model, run, worker);
}

export function advance(model: Model, ms: number): void {
  model.now += ms;
  for (const run of model.runs.values()) {
    if (run.phase === "working" && run.driver !== undefined && run.workEndsAt <= model.now) complete(run);
  }
}
