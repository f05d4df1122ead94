/**
 * A new run that begins as another one, up to an event. Only its journal is written here: from there on it is taken over like any
 * run that was left.
 */
import { decide } from "../kernel/decide.ts";
import { ExecutusError } from "../kernel/errors.ts";
import { canonical } from "../kernel/guards.ts";
import type { CallState, RunState } from "../kernel/state.ts";
import type { EventBody, RunEvent, RunStarted } from "../ports/events.ts";
import type { Stub } from "../ports/fork-events.ts";
import type { JsonValue } from "../ports/json.ts";
import { checkJournal } from "./check-journal.ts";
import type { Core } from "./core.ts";
import { dropUndefined } from "./drop-undefined.ts";
import { applyEdit, checkEdit, type ForkEdit } from "./fork-edit.ts";
import { checkId, newId } from "./ids.ts";
import { isBegun, letGo } from "./let-go.ts";
import { resolveModels } from "./resolve-models.ts";
import { foldJournal } from "./result.ts";
import { toRowChange } from "./status.ts";
import { unknownRun } from "./takeover.ts";

export interface ForkOptions {
  /** Sequence number of the last event that is copied. */
  readonly at: number;
  readonly edit?: ForkEdit;
  /** Own id of the new run. Where the same fork is there already under that id, it is that one. Default: a new one each time. */
  readonly id?: string;
}

/**
 * Writes the new run, unless it is there already, and resolves to its id. Rejects `run_unknown`, and `request_invalid` for a place or
 * an edit that cannot be, and for the id of another run.
 */
export async function fork(core: Core, run: string, options: ForkOptions): Promise<string> {
  await core.ports.redaction?.refresh();
  const journal = await core.store.journal.read(run);
  checkJournal(run, journal);
  const start = journal[0];
  if (start?.type !== "run.started") throw unknownRun(run);
  checkPlace(run, journal, options.at);
  const id = checkId(options.id ?? newId("run", core.clock), "run id");
  const edit = options.edit === undefined ? {} : editOf(core, options.edit);
  const prefix = journal.slice(0, options.at + 1);
  const edited = applyEdit(prefix, edit);
  const copied = await withModel(core, withoutLooseEnds(edited.events), edit.model);
  const first = copied[0];
  if (first?.type !== "run.started") throw unknownRun(run);
  const started = toStart(first, id);
  const bodies: readonly EventBody[] = [
    started,
    ...copied.slice(1).map(bodyOf),
    {
      type: "run.forked",
      from: { run, seq: options.at },
      spentMs: prefix.at(-1)?.activeMs ?? 0,
      edits: [...edited.edits, ...(edit.model === undefined ? [] : [`model ${edit.model}`])],
      stubs: stubsAfter(journal, options.at),
    },
  ];
  await create(core, started, bodies);
  return id;
}

function editOf({ ports: { redaction } }: Core, given: ForkEdit): ForkEdit {
  const edit = checkEdit(given);
  return redaction === undefined ? edit : redaction.data(edit);
}

function checkPlace(run: string, journal: readonly RunEvent[], at: number): void {
  const end = journal.find(({ type }) => type === "run.settling")?.seq ?? journal.length;
  if (Number.isInteger(at) && at >= 0 && at < end) return;
  const hint = `Its events that can be forked at are 0 to ${end - 1}. See them: executus tail ${run}`;
  throw new ExecutusError("request_invalid", `${run} cannot be forked at ${at}`, { run, hint });
}

/** What was wanted and not answered up to there is wanted again; what a source opened belongs to the original. */
function withoutLooseEnds(events: readonly RunEvent[]): readonly RunEvent[] {
  const state = foldJournal(events)?.state;
  const open = new Set(state?.calls.filter((call) => isLoose(state, call)).map(({ id }) => id));
  const lastModel = state?.model.inFlight === true ? events.findLast(({ type }) => type === "model.started") : undefined;
  return events.filter((event) => {
    if (event === lastModel || event.type.startsWith("source.")) return false;
    return !(OF_ITS_COURSE.has(event.type) && "call" in event && open.has(event.call));
  });
}

/** The original goes on with these. Of one that waits for its result, and runs no more for it, both are given that. */
function isLoose(state: RunState, { name, status, wait, woken }: CallState): boolean {
  if (status === "started" || status === "parked") return true;
  if (state.agent.tools.find((tool) => tool.name === name)?.effect === "read") return false;
  return (status === "suspended" && wait?.resumes === true) || (status === "ready" && woken !== undefined);
}

/** What became of a call since it was approved. */
const OF_ITS_COURSE: ReadonlySet<RunEvent["type"]> = new Set([
  "tool.started",
  "tool.suspended",
  "tool.woken",
  "question.asked",
  "question.answered",
  "wait.expired",
  "child.started",
  "child.parked",
]);

async function withModel(core: Core, events: readonly RunEvent[], model: string | undefined): Promise<readonly RunEvent[]> {
  if (model === undefined) return events;
  return Promise.all(
    events.map(async (event) => {
      if (event.type !== "run.started") return event;
      const candidates = await resolveModels(core, model, event.limits);
      return { ...event, agent: { ...event.agent, tier: model }, models: candidates.map(({ id }) => id) };
    }),
  );
}

/** The copy is nobody's child, has no key, stands in no lane and delivers nothing: all that was the original's. */
function toStart(started: RunStarted & RunEvent, run: string): RunStarted {
  const {
    idempotencyKey: _key,
    delivery: _delivery,
    lane: _lane,
    parent: _parent,
    parentCall: _call,
    root: _root,
    depth: _depth,
    ...request
  } = started.request;
  const { seq: _seq, epoch: _epoch, at: _at, activeMs: _active, ...body } = started;
  return { ...body, run, request };
}

function bodyOf({ seq: _seq, epoch: _epoch, at: _at, activeMs: _active, ...body }: RunEvent): EventBody {
  return body;
}

/** Results, after the fork, of calls that may have changed the world; of a fork also those that it was given and has not come to. */
function stubsAfter(journal: readonly RunEvent[], at: number): readonly Stub[] {
  const stubs: Stub[] = [];
  let folded = foldJournal(journal.slice(0, at + 1));
  for (const event of journal.slice(at + 1)) {
    const stub = folded === undefined ? undefined : toStub(folded.state, event);
    if (stub !== undefined) stubs.push(stub);
    folded = foldJournal([event], folded);
  }
  const isNew = ({ call }: Stub): boolean => !stubs.some((stub) => stub.call === call);
  return [...stubs, ...(folded?.state.stubs ?? []).filter(isNew)];
}

function toStub(state: RunState, event: RunEvent): Stub | undefined {
  if (event.type !== "tool.ended" && event.type !== "child.ended") return undefined;
  const call = state.calls.find(({ id }) => id === event.call);
  if (call === undefined) return undefined;
  const tool = state.agent.tools.find(({ name }) => name === call.name);
  if (tool?.effect === "read" && event.type === "tool.ended") return undefined;
  const outcome = event.type === "tool.ended" ? event.outcome : event.status === "completed" ? "ok" : "error";
  if (outcome !== "ok" && outcome !== "error") return undefined;
  return { call: call.id, name: call.name, input: call.input, outcome, output: event.output };
}

async function create(core: Core, { run, agent, request }: RunStarted, events: readonly EventBody[]): Promise<void> {
  const at = Math.round(core.clock.now());
  const header = { epoch: 1, at, activeMs: 0 };
  const state = foldJournal(events.map((event, seq): RunEvent => ({ ...event, ...header, seq })))?.state;
  if (state === undefined) throw unknownRun(run);
  const { caller, channel, tenant, labels } = request;
  try {
    const created = await core.store.runs.create({
      run,
      agent: agent.name,
      ...dropUndefined({ caller, channel, tenant, labels }),
      at,
      events,
      row: toRowChange(state, decide(state, { at, activeMs: state.activeMs })),
    });
    if (!created.created) return await checkSame(core, run, events);
    await letGo(core, { run, epoch: created.epoch });
  } catch (error) {
    if (!(await isBegun(core, { run, at }, error))) throw error;
  }
}

/** Whoever did not hear that the fork was made asks for it again. What it is given of its original grows with that one. */
async function checkSame(core: Core, run: string, wanted: readonly EventBody[]): Promise<void> {
  const there = (await core.store.journal.read(run)).slice(0, wanted.length).map(bodyOf);
  const said = (events: readonly EventBody[]): string => {
    const kept = events.map((event) => (event.type === "run.forked" ? { ...event, stubs: [] } : event));
    return canonical(JSON.parse(JSON.stringify(kept)) as JsonValue);
  };
  if (said(there) === said(wanted)) return;
  const hint = `Give the fork another id, or see what that run is: executus show ${run}`;
  throw new ExecutusError("request_invalid", `there is another run ${run} already`, { run, hint });
}
