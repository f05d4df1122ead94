/** The executor: starts, resumes, recovers and stops runs. Safe for any number of concurrent runs. */
import { ExecutusError, isExecutusError } from "../kernel/errors.ts";
import { resolveLimits } from "../kernel/limits.ts";
import type { RunError } from "../ports/view.ts";
import { admit } from "./admission.ts";
import { type Core, createCore, type Live } from "./core.ts";
import { drive } from "./driver.ts";
import { followEvents } from "./follow.ts";
import { Handle } from "./handle.ts";
import { newId } from "./ids.ts";
import { foldJournal, refusedResult, toResult } from "./result.ts";
import { sendCommand } from "./send.ts";
import type { Foundation, Session } from "./session.ts";
import { toStatusView } from "./status.ts";
import { takeOver, unknownRun } from "./takeover.ts";
import type { Agent, Executor, ExecutorConfig, RecoveryReport, RunHandle, RunOptions, RunRequest, RunResult } from "./types.ts";

/** Runs taken over at once by `recover`; the rest follow with the next sweep. */
const RECOVERY_BATCH = 1_000;

export function createExecutorOn(config: ExecutorConfig, foundation: Foundation): Executor {
  const core = createCore(config, foundation);
  let closing: Promise<void> | undefined;
  const sweeping = startSweep(core, config.sweepMs ?? 0, () => closing === undefined);

  const start = async (agent: Agent, given: RunRequest | string, options: RunOptions = {}): Promise<RunHandle> => {
    if (closing !== undefined) throw new ExecutusError("shutting_down", "this executor is shutting down", { retryable: true });
    const request = typeof given === "string" ? { input: given } : given;
    const { run, session } = await admit(core, agent, request);
    const handle = session === undefined ? await join(core, run) : launch(core, session);
    cancelOnAbort(core, handle, options.signal);
    return handle;
  };

  return {
    start,
    run: async (agent, request, options) => {
      try {
        return await (
          await start(agent, request, options)
        ).result;
      } catch (error) {
        return refused(core, agent, request, error);
      }
    },
    resume: async (run) => {
      const live = core.live.get(run);
      if (live !== undefined) return live.handle;
      if (closing !== undefined)
        throw new ExecutusError("shutting_down", "this executor is shutting down", { run, retryable: true });
      return launch(core, await takeOver(core, run));
    },
    recover: () => recover(core),
    send: (run, command, options) => sendCommand(core, run, command, options),
    events: (run, options) => followEvents(core, run, options),
    result: (run) => storedResult(core, run),
    status: async (run) => {
      const row = await core.store.runs.get(run);
      if (row === undefined) return undefined;
      const state = core.live.get(run)?.session.state ?? foldJournal(await core.store.journal.read(run))?.state;
      return state === undefined ? undefined : { ...toStatusView(state), status: row.status, row };
    },
    shutdown: (options) => {
      sweeping();
      closing ??= shutdown(core, options?.graceMs ?? 2_000);
      return closing;
    },
    [Symbol.asyncDispose]: () => {
      sweeping();
      closing ??= shutdown(core, 2_000);
      return closing;
    },
  };
}

/** Drive a session in the background; from here on it is this process's run. */
function launch(core: Core, session: Session): RunHandle {
  const { run } = session;
  const handle = new Handle(core, run, conduct(core, session));
  core.live.set(run, { session, handle });
  return handle;
}

/** Drive to the end, let go of the run, and say how it ended. Never rejects. */
async function conduct(core: Core, session: Session): Promise<RunResult> {
  let failure: RunError | undefined;
  try {
    session.inboxChanged = true;
    const end = await drive(session);
    if (end === "fenced") failure = { code: "run_owned", message: "another process took this run over" };
    if (end === "finished") await settleBudget(core, session);
  } catch (error) {
    failure = toRunError(error);
    session.warn(`the run stands still: ${failure.message}`);
  }
  core.live.delete(session.run);
  await letGo(core, session);
  return toResult(session, failure);
}

async function letGo(core: Core, session: Session): Promise<void> {
  if (session.fenced || session.state.finished) return;
  try {
    await core.store.owners.release(session.run, session.epoch);
  } catch (error) {
    session.warn(`could not release the run: ${toRunError(error).message}`);
  }
}

async function settleBudget(core: Core, session: Session): Promise<void> {
  const { budget } = core.config;
  if (budget === undefined) return;
  const { state } = session;
  const { caller, channel, tenant } = state.request;
  const tokens = state.usage.inputTokens + state.usage.outputTokens;
  try {
    await budget.settle({
      run: state.run,
      agent: state.agent.name,
      ...(caller === undefined ? {} : { caller }),
      ...(channel === undefined ? {} : { channel }),
      ...(tenant === undefined ? {} : { tenant }),
      activeMs: state.activeMs,
      tokens,
      costUsd: state.costUsd,
    });
  } catch (error) {
    session.warn(`the budget could not be settled: ${toRunError(error).message}`);
  }
}

/** The id or idempotency key is taken: give the caller that run. */
async function join(core: Core, run: string): Promise<RunHandle> {
  const live = core.live.get(run);
  if (live !== undefined) return live.handle;
  const row = await core.store.runs.get(run);
  if (row?.status === "interrupted" || row?.status === "waiting") return launch(core, await takeOver(core, run));
  return new Handle(core, run, row?.owner === undefined ? storedResult(core, run) : awaitedResult(core, run));
}

async function awaitedResult(core: Core, run: string): Promise<RunResult> {
  const events = followEvents(core, run);
  for await (const event of events) if (event.type === "run.finished") break;
  return storedResult(core, run);
}

async function storedResult(core: Core, run: string): Promise<RunResult> {
  const folded = foldJournal(await core.store.journal.read(run));
  if (folded === undefined) throw unknownRun(run);
  return toResult(folded);
}

async function recover(core: Core): Promise<RecoveryReport> {
  const resumed: RunHandle[] = [];
  const skipped: { run: string; reason: string }[] = [];
  for (const run of await core.store.owners.orphans(RECOVERY_BATCH)) {
    if (core.live.has(run)) continue;
    try {
      resumed.push(launch(core, await takeOver(core, run)));
    } catch (error) {
      skipped.push({ run, reason: toRunError(error).message });
    }
  }
  return { resumed, skipped };
}

/** Looks for orphaned runs again and again; returns the way to stop. */
function startSweep(core: Core, everyMs: number, wanted: () => boolean): () => void {
  let cancel = (): void => {};
  const sweep = async (): Promise<void> => {
    try {
      await recover(core);
    } catch {
      // A store that cannot be read now may be read at the next sweep; runs under way report it themselves.
    }
    if (wanted()) next();
  };
  const next = (): void => {
    cancel = core.clock.after(everyMs, () => void sweep());
  };
  if (everyMs > 0) next();
  return () => cancel();
}

/** Calls under way may come back for the grace time; what does not is left for the next attempt, in doubt if it was `once`. */
async function shutdown(core: Core, graceMs: number): Promise<void> {
  const live: readonly Live[] = [...core.live.values()];
  for (const { session } of live) session.stop("drain");
  const cancel = core.clock.after(graceMs, () => {
    for (const { session } of live) session.stop("drop");
  });
  await Promise.all(live.map(({ handle }) => handle.result));
  cancel();
}

function cancelOnAbort(core: Core, handle: RunHandle, signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  const onAbort = (): void => {
    const reason: unknown = signal.reason;
    handle.cancel(reason instanceof Error ? reason.message : "the caller cancelled").catch(() => {});
  };
  if (signal.aborted) return onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  void handle.result.then(() => signal.removeEventListener("abort", onAbort));
}

function refused(core: Core, agent: Agent, given: RunRequest | string, error: unknown): RunResult {
  const request = typeof given === "string" ? {} : given;
  const limits = resolveLimits(request.limits, agent?.limits, core.config.limits);
  const run = request.id ?? newId("run", core.clock);
  return refusedResult({ run, agent: agent?.name ?? "", limits }, toRunError(error));
}

function toRunError(error: unknown): RunError {
  if (isExecutusError(error))
    return { code: error.code, message: error.hint === undefined ? error.message : `${error.message}. ${error.hint}` };
  return { code: "port_failed", message: error instanceof Error ? error.message : String(error) };
}
