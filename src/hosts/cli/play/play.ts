/** Plays a corpus of recordings through the real kernel and the real store. */
import { createExecutor } from "../../../create-executor.ts";
import { FINAL_STATUSES, isFinal } from "../../../kernel/status.ts";
import type { Blobs } from "../../../ports/blobs.ts";
import type { Store } from "../../../ports/store.ts";
import type { Agent, Executor } from "../../../run/types.ts";
import { differenceFrom } from "./compare.ts";
import type { EffectsFile } from "./effects-file.ts";
import { type PlayOptions, recordedCompactor, recordedModels, toAgent, toRequest } from "./player.ts";
import { type Recording, readRecordings, runIdOf } from "./recording.ts";

export interface PlayCorpusOptions {
  readonly store: Store;
  readonly blobs: Blobs;
  /** Checked before (`checkCorpus`). */
  readonly corpus: readonly string[];
  /** Only the recording with this id. */
  readonly id?: string;
  readonly effects: EffectsFile;
  readonly concurrency: number;
  readonly toolDelayMs: number;
  readonly modelDelayMs: number;
  readonly report: (played: Played) => void;
  readonly signal?: AbortSignal;
}

export interface Played {
  readonly id: string;
  readonly run: string;
  readonly steps: number;
  /** It had ended before this start and was only compared. */
  readonly skipped: boolean;
  /** The first difference from the recording. */
  readonly difference?: string;
}

export interface PlayTotals {
  readonly passed: number;
  readonly failed: number;
}

export async function playCorpus(options: PlayCorpusOptions): Promise<PlayTotals> {
  const recordings = new Map<string, Recording>();
  const find = (run: string): Recording | undefined => recordings.get(run);
  const play: PlayOptions = {
    effects: options.effects,
    blobs: options.blobs,
    toolDelayMs: options.toolDelayMs,
    modelDelayMs: options.modelDelayMs,
    send: (run, command, id) => executor.send(run, command, { id }),
  };
  const executor = createExecutor({
    models: recordedModels(find, play),
    compactor: recordedCompactor(find),
    store: options.store,
    blobs: options.blobs,
    agents: (snapshot) => Promise.resolve(agents.get(snapshot.name)),
  });
  const agents = new Map<string, Agent>();
  const totals = { passed: 0, failed: 0 };
  const playNext = async (recording: Recording): Promise<void> => {
    const run = runIdOf(recording);
    recordings.set(run, recording);
    const agent = toAgent(recording, play);
    agents.set(agent.name, agent);
    const played = await playOne(executor, { recording, run, agent, options }).catch((error: unknown): Played => {
      const difference = error instanceof Error ? error.message : String(error);
      return { id: recording.id, run, steps: recording.turns.length, skipped: false, difference };
    });
    recordings.delete(run);
    agents.delete(agent.name);
    if (options.signal?.aborted === true && played.difference !== undefined) return;
    totals[played.difference === undefined ? "passed" : "failed"]++;
    options.report(played);
  };
  const onAbort = (): void => void executor.shutdown();
  options.signal?.addEventListener("abort", onAbort, { once: true });
  const ended = await endedRuns(options.store);
  await inParallel(
    selected(options, (run) => !ended.has(run)),
    options,
    playNext,
  );
  await inParallel(
    selected(options, (run) => ended.has(run)),
    options,
    playNext,
  );
  await executor.shutdown();
  options.signal?.removeEventListener("abort", onAbort);
  return totals;
}

/** What an earlier start has finished is compared last, so that a start that is killed soon still gets something done. */
async function endedRuns(store: Store): Promise<ReadonlySet<string>> {
  const rows = await store.runs.list({ status: FINAL_STATUSES, prefix: "play_", limit: Infinity });
  return new Set(rows.map(({ run }) => run));
}

async function* selected(
  { corpus, id }: PlayCorpusOptions,
  wanted: (run: string) => boolean,
): AsyncGenerator<Recording, void, undefined> {
  for (const file of corpus) {
    for await (const recording of readRecordings(file)) {
      if ((id === undefined || recording.id === id) && wanted(runIdOf(recording))) yield recording;
    }
  }
}

/** At most `concurrency` at once; recordings are read as they are needed. */
async function inParallel(
  recordings: AsyncIterable<Recording>,
  { concurrency, signal }: PlayCorpusOptions,
  work: (recording: Recording) => Promise<void>,
): Promise<void> {
  const underWay = new Set<Promise<void>>();
  for await (const recording of recordings) {
    if (signal?.aborted === true) break;
    const task: Promise<void> = work(recording).finally(() => underWay.delete(task));
    underWay.add(task);
    if (underWay.size >= concurrency) await Promise.race(underWay);
  }
  await Promise.all(underWay);
}

async function playOne(
  executor: Executor,
  what: { readonly recording: Recording; readonly run: string; readonly agent: Agent; readonly options: PlayCorpusOptions },
): Promise<Played> {
  const { recording, run, agent, options } = what;
  const before = await options.store.runs.get(run);
  const skipped = before !== undefined && isFinal(before.status);
  const played = { id: recording.id, run, steps: recording.turns.length, skipped };
  if (!skipped) {
    const result = await executor.run(agent, toRequest(recording, run));
    if (result.seq < 0) return { ...played, difference: result.error?.message ?? "it could not be started" };
  }
  const events = await options.store.journal.read(run);
  const difference = await differenceFrom(recording, events, options.blobs);
  return difference === undefined ? played : { ...played, difference };
}
