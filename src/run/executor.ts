/** The executor: starts, resumes, recovers and stops runs. Safe for any number of concurrent runs. */
import { ExecutusError, isExecutusError } from "../kernel/errors.ts";
import { resolveLimits } from "../kernel/limits.ts";
import { type Admitted, admit } from "./admission.ts";
import { checkJournal } from "./check-journal.ts";
import { createChildren } from "./children.ts";
import { launch, toRunError } from "./conduct.ts";
import { type Core, createCore, type Live, type Parts } from "./core.ts";
import { redeliver } from "./redeliver.ts";
import { followEvents } from "./follow.ts";
import type { ForkOptions } from "./fork.ts";
import { Handle } from "./handle.ts";
import { LaneQueue } from "./lane-queue.ts";
import { newId } from "./ids.ts";
import { type Folded, foldJournal, refusedResult, toResult } from "./result.ts";
import { sendCommand } from "./send.ts";
import { object } from "./shapes.ts";
import type { Foundation } from "./session.ts";
import { toStatusView } from "./status.ts";
import { startSweep } from "./sweep.ts";
import { unknownRun } from "./takeover.ts";
import type { Agent, Executor, ExecutorConfig, RunHandle, RunOptions, RunRequest, RunResult } from "./types.ts";
import { Wakes } from "./wake.ts";

export const PARTS: Parts = {
  engine: (core) => new Wakes(core),
  queue: (core) => new LaneQueue(core),
  children: createChildren,
};

/** Throws `config_invalid`, `budget_invalid` and the like. */
export function createExecutorOn(config: ExecutorConfig, foundation: Foundation): Executor {
  return openExecutor(createCore(config, foundation, () => PARTS));
}

/** The engine of a core, which must have been made with `PARTS`. */
export function openExecutor(core: Core): Executor {
  const { config } = core;
  let closing: Promise<void> | undefined;
  const stopSweep = startSweep(core, config.sweepMs ?? 0);

  const clean = <T>(work: () => Promise<T>): Promise<T> => saidClean(core, work);

  const start = async <Output>(agent: Agent<Output>, given: RunRequest | string, options: RunOptions = {}) => {
    if (closing !== undefined) throw new ExecutusError("shutting_down", "this executor is shutting down", { retryable: true });
    const request = typeof given === "string" ? { input: given } : given;
    const handle = await clean(async () => handleOf(core, await admit(core, agent, request)));
    cancelOnAbort(core, handle, options?.signal);
    return handle as RunHandle<Output>;
  };

  return {
    start,
    run: async <Output>(agent: Agent<Output>, request: RunRequest | string, options?: RunOptions) => {
      try {
        return await (
          await start(agent, request, options)
        ).result;
      } catch (error) {
        return refused(core, agent, request, error) as RunResult<Output>;
      }
    },
    resume: async (run) => {
      const live = core.live.get(run);
      if (live !== undefined) return live.handle;
      if (closing !== undefined)
        throw new ExecutusError("shutting_down", "this executor is shutting down", { run, retryable: true });
      return core.engine.take(run);
    },
    recover: () => clean(() => core.engine.recover()),
    fork: (run, options) => clean(() => forkOf(core, run, options)),
    replay: (run, options) => clean(async () => (await import("./replay-run.ts")).replayRun(core, run, options?.against)),
    plan: (run) => clean(async () => (await import("./plan-resume.ts")).planResume(core, run)),
    send: (run, command, options) => clean(() => sendCommand(core, run, command, options)),
    events: (run, options) => followEvents(core, run, options),
    result: (run) => clean(() => storedResult(core, run)),
    status: (run) => clean(() => statusOf(core, run)),
    budgets: (query) => clean(async () => (await (core.config.ledger ?? core.store.budgets)?.standings(query)) ?? []),
    deliveries: (query) => clean(() => core.store.outbox.list(query)),
    redeliver: (id) => clean(() => redeliver(core, id)),
    deliver: () => clean(() => core.deliverer.deliver()),
    shutdown: (options) => {
      stopSweep();
      closing ??= shutdown(core, options?.graceMs ?? 2_000);
      return closing;
    },
    [Symbol.asyncDispose]: () => {
      stopSweep();
      closing ??= shutdown(core, 2_000);
      return closing;
    },
  };
}

async function statusOf(core: Core, run: string): ReturnType<Executor["status"]> {
  const row = await core.store.runs.get(run);
  if (row === undefined) return undefined;
  const state = core.live.get(run)?.session.state ?? (await foldedRun(core, run))?.state;
  return state === undefined ? undefined : { ...toStatusView(state), status: row.status, row };
}

/** What is refused is said without secrets. */
async function saidClean<T>({ ports: { redaction } }: Core, work: () => Promise<T>): Promise<T> {
  if (redaction === undefined) return work();
  return work().catch((error: unknown) => Promise.reject(redaction.error(error)));
}

async function forkOf(core: Core, run: string, options: ForkOptions): Promise<RunHandle> {
  const { fork } = await import("./fork.ts");
  return join(core, await fork(core, run, options));
}

/** The id or idempotency key is taken: give the caller that run. */
async function join(core: Core, run: string): Promise<RunHandle> {
  const live = core.live.get(run);
  if (live !== undefined) return live.handle;
  await core.leaving.get(run);
  const row = await core.store.runs.get(run);
  if (row?.status === "interrupted" || row?.status === "waiting") return core.engine.take(run);
  const isLeft = row?.owner === undefined && row?.status !== "queued";
  return new Handle(core, run, resultOf(core, run, isLeft ? storedResult : awaitedResult));
}

async function handleOf(core: Core, { run, session, queued }: Admitted): Promise<RunHandle> {
  if (session !== undefined) return launch(core, session);
  if (queued === undefined) return join(core, run);
  // Driven here in the end, or by another process, or left in the queue.
  const result = core.queue.add(run, queued, async (handle) => {
    if (handle !== undefined) return handle.result;
    return resultOf(core, run, core.queue.isStopped ? storedResult : awaitedResult);
  });
  return new Handle(core, run, result);
}

/** How soon a store in trouble is asked again. */
const ASK_AGAIN_MS = 1_000;

/** Of a run that is not driven here. Never rejects: a store in trouble is asked again, and what cannot be read is an error of the result. */
async function resultOf(core: Core, run: string, read: (core: Core, run: string) => Promise<RunResult>): Promise<RunResult> {
  for (;;) {
    try {
      return await read(core, run);
    } catch (error) {
      const isPassing = isExecutusError(error) && error.retryable && !core.queue.isStopped;
      if (!isPassing) return unreadResult(core, run, error);
    }
    await new Promise<void>((resolve) => core.clock.after(ASK_AGAIN_MS, resolve));
  }
}

function unreadResult(core: Core, run: string, error: unknown): RunResult {
  const about = { run, agent: "", limits: resolveLimits(core.config.limits) };
  return { ...refusedResult(about, toRunError(core.ports.redaction?.error(error) ?? error)), status: "interrupted" };
}

async function awaitedResult(core: Core, run: string): Promise<RunResult> {
  const events = followEvents(core, run);
  for await (const event of events) if (event.type === "run.finished") break;
  return storedResult(core, run);
}

async function storedResult(core: Core, run: string): Promise<RunResult> {
  const folded = await foldedRun(core, run);
  if (folded === undefined) throw unknownRun(run);
  return toResult(folded);
}

/** For whoever looks at it: all that is understood of it. A journal without a beginning says so. */
async function foldedRun(core: Core, run: string): Promise<Folded | undefined> {
  const events = await core.store.journal.read(run);
  const folded = foldJournal(events);
  if (folded === undefined) checkJournal(run, events);
  return folded;
}

/** Calls under way may come back for the grace time; what does not is left for the next attempt, in doubt if it was `once`. */
async function shutdown(core: Core, graceMs: number): Promise<void> {
  await core.queue.stop();
  await core.engine.stop();
  const live: readonly Live[] = [...core.live.values()];
  for (const { session } of live) session.stop("drain");
  const cancel = core.clock.after(graceMs, () => {
    for (const { session } of live) session.stop("drop");
  });
  await Promise.all(live.map(({ handle }) => handle.result));
  core.ports.toolUses.end();
  await core.deliverer.stop(graceMs);
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
  // Whatever it is that was given: only what is usable of it is said.
  const { id, limits: asked }: RunRequest = object.fits(given) ? (given as RunRequest) : {};
  const limits = resolveLimits(asked ?? undefined, agent?.limits ?? undefined, core.config.limits);
  const run = id ?? newId("run", core.clock);
  return refusedResult({ run, agent: agent?.name ?? "", limits }, toRunError(error));
}
