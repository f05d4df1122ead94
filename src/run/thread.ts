/** Follow-ups: a new run whose conversation begins with that of a finished one, read from its journal and never copied. */
import { ExecutusError } from "../kernel/errors.ts";
import { evolve, initialState, NO_THREAD } from "../kernel/evolve.ts";
import { type List, toArray } from "../kernel/list.ts";
import type { RunState, Thread } from "../kernel/state.ts";
import { isFinal } from "../kernel/status.ts";
import type { Continuation } from "../ports/agent.ts";
import type { RunEvent } from "../ports/events.ts";
import type { Message } from "../ports/messages.ts";
import type { Store } from "../ports/store.ts";

export interface Followed {
  readonly continues: Continuation;
  /** A thread has one tenant: that of its runs, whoever asks for the follow-up. */
  readonly tenant?: string;
}

/**
 * The end of a finished run. Rejects with `run_unknown`, also for the run of another tenant, or with `run_unfinished` saying what to
 * do instead.
 */
export async function endOf(store: Store, run: string, tenant: string | undefined): Promise<Followed> {
  const row = await store.runs.get(run);
  if (row === undefined || (tenant !== undefined && tenant !== row.tenant)) {
    throw new ExecutusError("run_unknown", `there is no run ${run} to continue`, {
      run,
      hint: "List the runs: executus ls --all",
    });
  }
  const continues = { run, seq: row.seq };
  if (isFinal(row.status)) return row.tenant === undefined ? { continues } : { continues, tenant: row.tenant };
  const hint = `Tell it something instead: executus steer ${run} "...". Or wait for its end.`;
  throw new ExecutusError("run_unfinished", `run ${run} has not ended (${row.status}): a follow-up goes on from a finished run`, {
    run,
    hint,
  });
}

/**
 * A thread up to there. Journals are read back to the first run of the thread; then each is folded once, onto
 * what the one before came to. Rejects with `thread_incomplete` when a run of the thread is not in this store.
 */
export async function loadThread(
  store: Store,
  from: { readonly run: string; readonly continues: Continuation | undefined },
): Promise<Thread> {
  const journals: (readonly RunEvent[])[] = [];
  let by = from.run;
  for (let at = from.continues; at !== undefined;) {
    const events = await store.journal.read(at.run, { limit: at.seq + 1 });
    const [first] = events;
    if (first?.type !== "run.started" || events.length <= at.seq) throw incomplete(from.run, by, at.run);
    journals.push(events);
    by = at.run;
    at = first.request.continues;
  }
  return threadOf(journals);
}

/** What journals that go on from each other, the newest first, came to; each as far as the next one goes on from it. */
export function threadOf(journals: readonly (readonly RunEvent[])[]): Thread {
  let thread = NO_THREAD;
  for (const events of journals.toReversed()) {
    const folded = fold(events, thread);
    if (folded !== undefined) thread = { messages: withoutLastSteps(folded.messages), files: folded.files };
  }
  return thread;
}

/** That its run was at a limit, and could call nothing any more, is not true of the next one. */
function withoutLastSteps(messages: List<Message>): List<Message> {
  const kept = toArray(messages).filter((message) => message.role !== "user" || message.lastStep !== true);
  return { length: kept.length, items: kept };
}

function fold(events: readonly RunEvent[], thread: Thread): RunState | undefined {
  let state: RunState | undefined;
  for (const event of events) {
    if (state !== undefined) state = evolve(state, event, event);
    else if (event.type === "run.started") state = initialState(event, event, thread);
  }
  return state;
}

function incomplete(run: string, by: string, missing: string): ExecutusError {
  const message = `run ${run} needs the conversation of ${missing}, which ${by} continues and which is not in this store`;
  return new ExecutusError("thread_incomplete", message, {
    run,
    hint: `Bring it here: executus store export ${missing} where it is, then executus store import.`,
  });
}
