/**
 * What a resume would do, without doing it: the takeover's own events, what waits in the inbox, and then the kernel's decision,
 * each by the code that the driver uses.
 */
import { childRunId } from "../kernel/children.ts";
import { type Decision, decide } from "../kernel/decide.ts";
import { toolOf } from "../kernel/effects.ts";
import { evolve } from "../kernel/evolve.ts";
import type { CallState, RunState } from "../kernel/state.ts";
import type { EventBody, RunEvent } from "../ports/events.ts";
import type { PlannedCall, ResumePlan } from "../ports/plan.ts";
import type { PendingEntry, RunRow } from "../ports/store.ts";
import type { ToolInputCheck } from "../ports/tools.ts";
import { checkEdit, type Edits } from "./answers.ts";
import { checkUnfinished } from "./check-journal.ts";
import { toRunError } from "./conduct.ts";
import type { Core } from "./core.ts";
import { agentOf, candidatesOf, differenceOf, findCode, type Found, policyOf } from "./find-code.ts";
import { toEvent } from "./inbox.ts";
import { foldJournal } from "./result.ts";
import { attemptEvents, threadOfRun, unknownRun } from "./takeover.ts";

/** Rejects `run_unknown`, `run_finished`, and what reading the journal rejects with. */
export async function planResume(core: Core, run: string): Promise<ResumePlan> {
  const row = await core.store.runs.get(run);
  const journal = await core.store.journal.read(run);
  checkUnfinished(run, journal);
  const state = foldJournal(journal, undefined, await threadOfRun(core, run, journal[0]))?.state;
  if (row === undefined || state === undefined) throw unknownRun(run);
  const found = await findCode(core, state);
  const seen = await simulate(core, state, found);
  const problem = await modelProblem(core, seen.state);
  const definition = await describeChange(core, state, found);
  return {
    ...standing(row, state),
    events: seen.events,
    calls: await Promise.all(plannedCalls(state, seen).map((call) => withChild(core, seen, call))),
    ...plannedModel(seen),
    ...forkOf(journal),
    ...refusedAnswers(seen.events),
    others: seen.decision.effects.filter(({ kind }) => !OWN_LINES.has(kind)).map(({ id }) => id),
    missing: (found.change?.policy === "adopt" ? found.change : found).binding.missing,
    ...(definition === undefined ? {} : { definition }),
    ...(seen.decision.waiting === undefined ? {} : { waitingFor: seen.decision.waiting }),
    ...(seen.state.settling === undefined ? {} : { ends: seen.state.settling }),
    ...(problem === undefined ? {} : { problem }),
  };
}

const OWN_LINES: ReadonlySet<string> = new Set(["model", "tool", "reconcile", "child"]);

async function checkedEdits(
  { ports: { schemas } }: Core,
  state: RunState,
  { entries, binding }: { readonly entries: readonly PendingEntry[]; readonly binding: Found["binding"] },
): Promise<Edits> {
  const checks = new Map<string, ToolInputCheck>();
  for (const entry of entries) {
    if (entry.kind !== "approve" || entry.input === undefined) continue;
    const name = state.calls.find(({ wait }) => wait?.id === entry.approval)?.name;
    if (name === undefined) continue;
    const tool = binding.tools.get(name);
    checks.set(entry.id, await checkEdit({ name, tool, schema: toolOf(state, name)?.inputSchema, schemas }, entry.input));
  }
  return { editOf: (entry) => checks.get(entry) };
}

function forkOf(journal: readonly RunEvent[]): Pick<ResumePlan, "fork"> {
  const forked = journal.find((event) => event.type === "run.forked");
  return forked === undefined ? {} : { fork: { ...forked.from, edits: forked.edits } };
}

function refusedAnswers(events: readonly EventBody[]): Pick<ResumePlan, "refusedAnswers"> {
  const refused = events.flatMap((event) => (event.type === "answer.refused" ? [event.message] : []));
  return refused.length === 0 ? {} : { refusedAnswers: refused };
}

interface Simulated {
  readonly state: RunState;
  readonly events: readonly EventBody[];
  readonly decision: Decision;
}

async function simulate(core: Core, start: RunState, found: Found): Promise<Simulated> {
  const events: EventBody[] = [];
  const now = { at: Math.round(core.clock.now()), activeMs: start.activeMs };
  let state = start;
  const add = (event: EventBody): void => {
    events.push(event);
    state = evolve(state, { ...now, epoch: start.epoch + 1, seq: state.seq + 1 }, event);
  };
  attemptEvents(core, found, "released").forEach(add);
  const entries = await core.store.inbox.pending(start.run);
  const edits = await checkedEdits(core, start, { entries, binding: found.binding });
  for (const entry of entries) add(toEvent(entry, state, edits));
  let decision = decide(state, now);
  while (decision.append.length > 0) {
    decision.append.forEach(add);
    decision = decide(state, now);
  }
  return { state, events, decision };
}

function standing(row: RunRow, state: RunState): Pick<ResumePlan, "run" | "agent" | "status" | "seq" | "done" | "owner"> {
  const open = state.calls.filter(({ status }) => status !== "ended").length;
  return {
    run: row.run,
    agent: row.agent,
    status: row.status,
    seq: state.seq,
    done: { steps: state.step, calls: state.toolCalls - open },
    ...(row.owner === undefined ? {} : { owner: row.owner }),
  };
}

function plannedCalls(before: RunState, seen: Simulated): readonly PlannedCall[] {
  return before.calls.filter(({ status }) => status !== "ended").map((call) => plannedCall(call, seen));
}

function plannedCall(call: CallState, { state, events, decision }: Simulated): PlannedCall {
  const { id, name } = call;
  const effect = decision.effects.find((wanted) => "call" in wanted && wanted.call.id === id);
  const ended = events.find((event) => event.type === "tool.ended" && event.call === id);
  const inDoubt = call.status === "started" || call.status === "in-doubt";
  const known = {
    call: id,
    name,
    ...argumentsOf(call, state),
    effect: toolOf(state, name)?.effect ?? ("unknown" as const),
    inDoubt,
  };
  if (ended?.type === "tool.ended") {
    const { outcome, output } = ended;
    const plan = outcome === "unknown" ? "told-unknown" : "answered";
    return { ...known, plan, ...(typeof output.value === "string" ? { message: output.value } : {}) };
  }
  if (effect === undefined) return { ...known, plan: state.calls.some((open) => open.id === id) ? "waits" : "answered" };
  return { ...known, plan: effect.kind === "reconcile" ? "reconciles" : "runs" };
}

/** The run that it was handed to may wait, or have ended unheard: only its own row knows. */
async function withChild({ store }: Core, { state, decision }: Simulated, planned: PlannedCall): Promise<PlannedCall> {
  const effect = decision.effects.find((wanted) => wanted.kind === "child" && wanted.call.id === planned.call);
  if (effect?.kind !== "child") return planned;
  const run = effect.call.child?.run;
  if (run === undefined) return { ...planned, child: { run: childRunId(state.run, planned.call) } };
  const row = await store.runs.get(run);
  return { ...planned, child: { run, ...(row === undefined ? {} : { status: row.status }) } };
}

function argumentsOf(call: CallState, { calls }: RunState): Pick<PlannedCall, "input" | "inputBefore"> {
  const now = calls.find(({ id }) => id === call.id)?.input ?? call.input;
  return now === call.input ? { input: now } : { input: now, inputBefore: call.input };
}

function plannedModel({ decision }: Simulated): Pick<ResumePlan, "model"> {
  for (const effect of decision.effects) {
    if (effect.kind === "model") return { model: { id: effect.model, step: effect.step, attempt: effect.attempt } };
  }
  return {};
}

async function modelProblem(core: Core, state: RunState): Promise<ResumePlan["problem"]> {
  if (state.models.length === 0 || state.settling !== undefined) return undefined;
  try {
    const candidates = await candidatesOf(core, state);
    if (state.models.some((id) => candidates.has(id))) return undefined;
    const message = `it began with ${state.models.join(", ")}, which is not configured here`;
    return { code: "model_unknown", message };
  } catch (error) {
    return toRunError(error);
  }
}

/** Also of a definition that is passed over, because it is pinned. */
async function describeChange(core: Core, state: RunState, found: Found): Promise<ResumePlan["definition"]> {
  if (found.change !== undefined) return { policy: found.change.policy, changes: found.change.definition.changes };
  const agent = await agentOf(core, state);
  if (agent === undefined) return undefined;
  const policy = state.redefined.declined === undefined ? policyOf(core, agent) : "pin";
  if (found.problem !== undefined) return { policy: "pin", changes: [], problem: found.problem };
  try {
    const change = await differenceOf(core, state, agent);
    return change === undefined ? undefined : { policy, changes: change.definition.changes };
  } catch (error) {
    return { policy: "pin", changes: [], problem: toRunError(error).message };
  }
}
