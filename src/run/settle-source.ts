/** The end of a run, as its tool sources see it: told, closed, cleaned up. Bounded, and never a failure of the run. */
import type { SourceEffect } from "../kernel/effects.ts";
import { initialState, evolve } from "../kernel/evolve.ts";
import { toArray } from "../kernel/list.ts";
import type { RunState, SourceState } from "../kernel/state.ts";
import type { NewArtifact } from "../ports/artifact.ts";
import type { EventBody, RunEvent } from "../ports/events.ts";
import type { Message } from "../ports/messages.ts";
import type { AfterRun, RunEnding } from "../ports/tool-source.ts";
import { type Settled, settleOrAbandon } from "./abandonable.ts";
import { openSource } from "./open-source.ts";
import type { Session } from "./session.ts";
import { identityOf, messageOf, sourceState } from "./sources.ts";
import { describeStop } from "./stop-reason.ts";
import type { Stopper } from "./stopper.ts";
import { putClean } from "./store-bytes.ts";

export function performSettleSource(session: Session, effect: SourceEffect, stopper: Stopper): Promise<readonly EventBody[]> {
  return perform(session, effect, { stopper, work: tell, ends: "source.settled", problem: "failed after the run" });
}

/** Also called for a source whose opening was never journaled: it may have come as far as leaving something. */
export function performCloseSource(session: Session, effect: SourceEffect, stopper: Stopper): Promise<readonly EventBody[]> {
  return perform(session, effect, { stopper, work: closeAndCleanUp, ends: "source.closed", problem: "could not be cleaned up" });
}

interface Work {
  readonly stopper: Stopper;
  /** Returns what it adds to the journal before its end. */
  readonly work: (session: Session, state: SourceState, stopper: Stopper) => Promise<readonly EventBody[]>;
  readonly ends: "source.settled" | "source.closed";
  /** What it means that it went wrong, for the warning. */
  readonly problem: string;
}

async function perform(
  session: Session,
  effect: SourceEffect,
  { stopper, work, ends, problem }: Work,
): Promise<readonly EventBody[]> {
  const state = sourceState(session, effect.source);
  if (state === undefined) return [];
  const settled = await inTime(session, stopper, () => work(session, state, stopper));
  if (stopper.reason?.type === "shutdown" || stopper.reason?.type === "fenced") return [];
  if (settled.type === "value") return [...settled.value, { type: ends, source: state.name }];
  const error = problemOf(settled, stopper);
  session.warn(`the tool source ${state.name} ${problem}: ${error}`);
  return [{ type: ends, source: state.name, error }];
}

/** Opened once more if the process that had it open has died. */
async function tell(session: Session, state: SourceState, stopper: Stopper): Promise<readonly EventBody[]> {
  const source = session.desk?.code.get(state.name);
  if (source === undefined) throw new Error("nothing of that name is registered in this process");
  const opened = await openSource(session, state, { source, stopper });
  const ending = await endingOf(session, stopper);
  // Given up while it was being opened: the journal has it that it was told, and nobody would take what it brings.
  stopper.signal.throwIfAborted();
  const brought = await opened.afterRun?.(ending);
  return stored(session, state, brought ?? {});
}

async function stored(session: Session, state: SourceState, { artifacts = [] }: AfterRun): Promise<readonly EventBody[]> {
  return Promise.all(artifacts.map((artifact) => storeArtifact(session, state.name, artifact)));
}

async function storeArtifact(session: Session, source: string, { name, mediaType, content }: NewArtifact): Promise<EventBody> {
  const isText = typeof content === "string";
  const data = await putClean(session.ports, isText ? new TextEncoder().encode(content) : content);
  return {
    type: "artifact.added",
    name,
    mediaType: mediaType ?? (isText ? "text/plain" : "application/octet-stream"),
    data,
    source,
  };
}

async function endingOf(session: Session, stopper: Stopper): Promise<RunEnding> {
  const { state } = session;
  const error = state.settling?.error;
  return {
    run: session.run,
    agent: state.agent.name,
    status: state.settling?.status ?? "failed",
    ...(error === undefined ? {} : { error }),
    output: state.output,
    messages: wholeConversation(await session.ports.store.journal.read(session.run)),
    steps: session.steps.views(state),
    usage: state.usage,
    costUsd: state.costUsd,
    get signal() {
      return stopper.signal;
    },
  };
}

/** As if nothing had ever been compacted. */
function wholeConversation(events: readonly RunEvent[]): readonly Message[] {
  let state: RunState | undefined;
  for (const event of events) {
    if (event.type === "run.started") state = initialState(event, event);
    else if (state !== undefined && event.type !== "context.compacted") state = evolve(state, event, event);
  }
  return state === undefined ? [] : toArray(state.messages);
}

/** What cannot be closed is cleaned up all the same. */
async function closeAndCleanUp(session: Session, state: SourceState, stopper: Stopper): Promise<readonly EventBody[]> {
  const { desk } = session;
  await desk?.opening.get(state.name);
  const source = desk?.code.get(state.name);
  const problems: string[] = [];
  const attempt = async (work: () => Promise<void> | undefined): Promise<void> => {
    try {
      await work();
    } catch (error) {
      problems.push(messageOf(error));
    }
  };
  await attempt(() => desk?.take(state.name)?.close?.());
  if (source === undefined && state.tools !== undefined) problems.push("nothing of that name is registered in this process");
  await attempt(() => source?.cleanup?.(identityOf(session, state, stopper.signal)));
  if (problems.length > 0) throw new Error(problems.join("; "));
  return [];
}

// --- time ------------------------------------------------------------------------------------------------------------

async function inTime<T>(session: Session, stopper: Stopper, work: () => Promise<T>): Promise<Settled<T>> {
  const { timers, state } = session;
  const { settleMs, graceMs } = state.limits;
  const ms = state.settling?.status === "killed" ? Math.min(graceMs, settleMs) : settleMs;
  const cancel = timers.after(ms, () => stopper.stop({ type: "timeout", limit: "tool", ms }));
  try {
    return await settleOrAbandon(work, { stopper, graceMs, timers });
  } finally {
    cancel();
  }
}

function problemOf(settled: Exclude<Settled<unknown>, { type: "value" }>, { reason }: Stopper): string {
  if (reason !== undefined) return describeStop(reason);
  return settled.type === "error" ? messageOf(settled.error) : "abandoned";
}
