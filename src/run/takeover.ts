/** Continuing a run that another process left, or that this one did: load, fold, claim, go on. */
import { decide } from "../kernel/decide.ts";
import { evolve } from "../kernel/evolve.ts";
import { ExecutusError } from "../kernel/errors.ts";
import type { EventBody } from "../ports/events.ts";
import type { ModelCandidate } from "../ports/models.ts";
import type { ClaimResult } from "../ports/store.ts";
import type { RunState } from "../kernel/state.ts";
import type { List } from "../kernel/list.ts";
import type { RunEvent } from "../ports/events.ts";
import type { Message } from "../ports/messages.ts";
import type { Core } from "./core.ts";
import { bind } from "./bind.ts";
import { foldJournal } from "./result.ts";
import { Session } from "./session.ts";
import { toRowChange } from "./status.ts";
import { appendWithLedger, draftLedger } from "./commit.ts";
import { loadThread } from "./thread.ts";

/**
 * Claims the run and appends `attempt.started`. A journal that cannot be read is refused before the claim, so that a process
 * that can read it may have the run. So is, when nobody asked for it, a waiting run whose tools have no code here.
 */
export async function takeOver(core: Core, run: string, by: "somebody" | "itself" = "somebody"): Promise<Session> {
  if (core.ports.redaction !== undefined) await core.ports.redaction.refresh();
  const events = await core.store.journal.read(run);
  const before = foldJournal(events, undefined, await earlierOf(core, run, events[0]));
  if (before === undefined) throw unknownRun(run);
  if (before.state.finished) throw finishedRun(run);
  const binding = await bind(core, before.state);
  if (by === "itself" && binding.missing.length > 0 && !(await isToEnd(core, run))) throw withoutTools(run, binding.missing);
  // A run that has ended calls no model any more.
  const candidates = before.state.settling === undefined ? await candidatesOf(core, before.state) : NO_CANDIDATES;
  const claim = await core.store.owners.claim(run);
  if (!claim.ok) throw refusedClaim(run, claim);
  // Between the first read and the claim the former owner may still have written.
  const since = await core.store.journal.read(run, { after: before.state.seq });
  const loaded = foldJournal(since, before) ?? before;
  const session = new Session({
    ports: core.ports,
    state: { ...loaded.state, activeMs: Math.max(loaded.state.activeMs, claim.activeMs) },
    epoch: claim.epoch,
    steps: loaded.steps,
    tools: binding.tools,
    phaseTools: binding.phaseTools,
    candidates,
    output: binding.output,
    sources: binding.sources,
  });
  await appendAttempt(core, session, claim.after, loaded.state.settling === undefined ? binding.missing : []);
  return session;
}

/** Ending a run needs no tools. */
async function isToEnd(core: Core, run: string): Promise<boolean> {
  return (await core.store.inbox.pending(run)).some(({ kind }) => kind === "cancel" || kind === "kill");
}

function withoutTools(run: string, names: readonly string[]): ExecutusError {
  return new ExecutusError("tool_unknown", `run ${run} needs tools that have no code here: ${names.join(", ")}`, { run });
}

async function appendAttempt(
  core: Core,
  session: Session,
  after: "released" | "crash",
  missing: readonly string[],
): Promise<void> {
  const now = session.now();
  const events: EventBody[] = [{ type: "attempt.started", process: core.store.owners.self, after }];
  if (missing.length > 0) events.push({ type: "tools.missing", names: missing });
  const header = { epoch: session.epoch, at: now.at, activeMs: now.activeMs };
  const seq = session.state.seq + 1;
  const ledger = draftLedger(session, now.at);
  let next = session.state;
  for (const [i, event] of events.entries()) {
    const before = next;
    next = evolve(next, { ...header, seq: seq + i }, event);
    ledger?.note(before, next, event);
  }
  const row = toRowChange(next, decide(next, now));
  const change = ledger?.change;
  const request = { run: session.run, seq, ...header, events, row, ...(change === undefined ? {} : { ledger: change }) };
  const result = await appendWithLedger(session, request);
  if (!result.ok)
    throw new ExecutusError("run_owned", `run ${session.run} was taken over by another process`, { run: session.run });
  session.state = next;
  session.publish(events.map((event, i) => ({ ...event, ...header, seq: seq + i })));
}

/** The conversation of the thread that a run goes on from, if it does. */
async function earlierOf(core: Core, run: string, first: RunEvent | undefined): Promise<List<Message> | undefined> {
  if (first?.type !== "run.started" || first.request.continues === undefined) return undefined;
  return loadThread(core.store, { run, continues: first.request.continues });
}

/**
 * A resumed run keeps the models it began with; one that is not configured here is left out. When none is, the reason (no key,
 * no provider) is thrown before the claim: another process may have them, and this one may get them.
 */
const NO_CANDIDATES: ReadonlyMap<string, ModelCandidate> = new Map();

async function candidatesOf(core: Core, state: RunState): Promise<ReadonlyMap<string, ModelCandidate>> {
  const found = new Map<string, ModelCandidate>();
  let reason: unknown;
  const phases = state.definition.phases?.slice(state.phase?.index ?? 0) ?? [];
  const models = phases.flatMap((phase) => [phase.tier, ...phase.models]);
  for (const wanted of [state.agent.tier, ...state.models, ...models]) {
    if (found.has(wanted)) continue;
    try {
      for (const candidate of await core.config.models.resolve(wanted)) found.set(candidate.id, candidate);
    } catch (error) {
      reason ??= error;
    }
  }
  if (found.size === 0 && reason !== undefined) throw reason;
  return found;
}

export function unknownRun(run: string): ExecutusError {
  return new ExecutusError("run_unknown", `there is no run ${run} in this store`, { run, hint: "List the runs: executus ls" });
}

export function finishedRun(run: string): ExecutusError {
  return new ExecutusError("run_finished", `run ${run} has already ended`, { run, hint: `See how: executus show ${run}` });
}

function refusedClaim(run: string, claim: Extract<ClaimResult, { readonly ok: false }>): ExecutusError {
  if (claim.reason !== "owned") return claim.reason === "unknown" ? unknownRun(run) : finishedRun(run);
  const hint = `Follow it: executus tail ${run}. It can be resumed here once that process has ended.`;
  return new ExecutusError("run_owned", `run ${run} is being driven by another process (${claim.owner})`, {
    run,
    hint,
    retryable: true,
  });
}
