/**
 * A journal against the kernel of today: what came from outside is folded again, and at every point what the kernel decides now is
 * compared with what was recorded. Nothing is called.
 */
import { changesBetween } from "../kernel/definition.ts";
import { type Decision, decide } from "../kernel/decide.ts";
import { intentOf } from "../kernel/effects.ts";
import { evolve, initialState } from "../kernel/evolve.ts";
import { canonical } from "../kernel/guards.ts";
import { callId, type RunState, type Thread } from "../kernel/state.ts";
import type { NewDefinition } from "../ports/definition-events.ts";
import type { EventBody, EventType, RunEvent } from "../ports/events.ts";
import type { JsonValue } from "../ports/json.ts";
import type { ToolCallPart } from "../ports/messages.ts";
import type { Divergence, Replay } from "../ports/plan.ts";
import type { Tool } from "../ports/tools.ts";

/** Another definition of the agent, and its code to check arguments with. */
export interface Against {
  readonly definition: NewDefinition;
  readonly tools: ReadonlyMap<string, Tool>;
  /** Tools that the agent had itself: of others there is no code to check their arguments with. */
  readonly own: ReadonlySet<string>;
}

export interface ReplayOptions {
  readonly against?: Against | undefined;
  /** The conversation of the thread that the run goes on from. */
  readonly thread?: Thread | undefined;
}

/** `world`: from outside; `decided`: the kernel's alone; `either`: of both kinds; `intent`: committed before an effect starts. */
type Origin = "world" | "decided" | "either" | "intent";

const DECIDED: readonly EventType[] = [
  "limit.reached",
  "guard.tripped",
  "stall.noticed",
  "phase.started",
  "phase.ended",
  "output.refused",
  "wait.expired",
  "run.settling",
  "run.finished",
];
const INTENTS: readonly EventType[] = ["model.started", "tool.started", "child.started"];

function originOf({ type }: EventBody): Origin {
  if (DECIDED.includes(type)) return "decided";
  if (INTENTS.includes(type)) return "intent";
  return type === "model.answered" || type === "attempt.started" ? "world" : "either";
}

interface Course {
  /** As it was recorded; the same object as `state` unless another definition is tried. */
  recorded: RunState;
  state: RunState;
  /** What the kernel decided and was not seen in the journal yet. */
  due: readonly EventBody[];
}

export async function replay(events: readonly RunEvent[], options: ReplayOptions = {}): Promise<Replay> {
  const [first] = events;
  if (first?.type !== "run.started") return { events: 0 };
  const course = begin(first, options);
  // Of a fork, what was copied has another run's times.
  const from = events.find(({ type }) => type === "run.forked")?.seq ?? 0;
  let before: RunEvent = first;
  for (const event of events.slice(1)) {
    const divergence = event.seq > from ? await between(course, { events, before, event, from }, options.against) : undefined;
    if (divergence !== undefined) return { events: event.seq, divergence };
    fold(course, event);
    before = event;
  }
  const divergence = before.seq > from ? unseen(course, before, isTakeover(events, before)) : undefined;
  return divergence === undefined ? { events: events.length } : { events: events.length, divergence };
}

interface Place {
  readonly events: readonly RunEvent[];
  readonly before: RunEvent;
  readonly event: RunEvent;
  readonly from: number;
}

async function between(
  course: Course,
  { events, before, event, from }: Place,
  against: Against | undefined,
): Promise<Divergence | undefined> {
  const isOver = before.seq > from && !isSameCommit(before, event);
  return (isOver ? unseen(course, before, isTakeover(events, before)) : undefined) ?? follow(course, event, against);
}

function begin(first: Extract<RunEvent, { type: "run.started" }>, { against, thread }: ReplayOptions): Course {
  const recorded = initialState(first, first, thread);
  if (against === undefined) return { recorded, state: recorded, due: [] };
  const { agent, limits, models } = against.definition;
  return { recorded, state: initialState(first, { ...first, agent, limits, models }, thread), due: [] };
}

function fold(course: Course, event: RunEvent): void {
  const isOne = course.recorded === course.state;
  course.recorded = evolve(course.recorded, event, event);
  course.state = isOne ? course.recorded : evolve(course.state, event, event);
}

function isSameCommit(one: RunEvent, other: RunEvent): boolean {
  return one.at === other.at && one.activeMs === other.activeMs && one.epoch === other.epoch;
}

/** A takeover records itself alone; what follows from it comes with the next commit. */
function isTakeover(events: readonly RunEvent[], last: RunEvent): boolean {
  const start = events.findLast(({ type, seq }) => type === "attempt.started" && seq <= last.seq);
  if (start === undefined || !isSameCommit(start, last)) return false;
  return events.slice(start.seq + 1, last.seq + 1).every(({ type }) => type.startsWith("agent.") || type === "tools.missing");
}

/** At the end of a commit the kernel had nothing more to decide. */
function unseen({ state, due }: Course, last: RunEvent, isTakeover: boolean): Divergence | undefined {
  const [missing] = due.length > 0 || isTakeover ? due : decide(state, last).append;
  if (missing === undefined) return undefined;
  return { seq: last.seq, recorded: "nothing more was decided", now: describe(missing) };
}

async function follow(course: Course, event: RunEvent, against: Against | undefined): Promise<Divergence | undefined> {
  if (course.due.length === 0) course.due = decide(course.state, event).append;
  const [next, ...rest] = course.due;
  if (next !== undefined && isSame(next, event)) {
    course.due = rest;
    return undefined;
  }
  const origin = originOf(event);
  if (origin === "decided" || (origin === "intent" && next !== undefined)) return diverges(event, next);
  course.due = [];
  if (origin === "intent") return checkIntent(course, event);
  if (event.type === "model.answered" && against !== undefined) return checkCalls(event, against);
  if (event.type === "tool.ended") return checkUnannounced(course, event);
  return undefined;
}

function diverges(event: RunEvent, next: EventBody | undefined): Divergence {
  return { seq: event.seq, recorded: describe(event), now: next === undefined ? "nothing would be decided" : describe(next) };
}

function checkIntent({ state, recorded }: Course, event: RunEvent): Divergence | undefined {
  const decision = decide(state, event);
  const intents = decision.effects.flatMap((effect) => intentOf(state, effect) ?? []);
  const found = intents.find((intent) => intent.type === event.type && placeOf(intent) === placeOf(event));
  if (found === undefined) return { seq: event.seq, recorded: describe(event), now: wanted(decision) };
  if (event.type !== "model.started" || recorded === state) return undefined;
  const [change] = promptChanges(recorded, state);
  if (change === undefined) return undefined;
  return { seq: event.seq, recorded: `${describe(event)} with the prompt as it was`, now: `another prompt: ${change}` };
}

/** What a model would be told otherwise. */
function promptChanges(before: RunState, after: RunState): readonly string[] {
  return changesBetween(promptPart(before), promptPart(after));
}

function promptPart({ agent }: RunState): Parameters<typeof changesBetween>[0] {
  const { name, instructions, settings, tools, output } = agent;
  const told = tools.map(({ name, description, inputSchema }) => ({ name, description, inputSchema }));
  return {
    name,
    instructions,
    settings,
    tier: "",
    ownTools: told.length,
    tools: told,
    ...(output === undefined ? {} : { output }),
  } as never;
}

/** A call of a `once` tool runs after its intent alone. */
function checkUnannounced({ state }: Course, event: Extract<RunEvent, { type: "tool.ended" }>): Divergence | undefined {
  const call = state.calls.find(({ id }) => id === event.call);
  const tool = state.agent.tools.find(({ name }) => name === call?.name);
  const ran = event.durationMs !== undefined && event.reconciled !== true;
  if (call?.status !== "ready" || tool?.effect !== "once" || !ran || call.waits > 0) return undefined;
  return {
    seq: event.seq,
    recorded: `${call.name} ran as a call that may be repeated`,
    now: `it would be recorded before it starts (once)`,
  };
}

/** Which calls of the answer would be refused. */
async function checkCalls(
  { seq, step, content, refused = [] }: Extract<RunEvent, { type: "model.answered" }>,
  { tools, own }: Against,
): Promise<Divergence | undefined> {
  const calls = content.filter((part): part is ToolCallPart => part.type === "tool-call" && part.providerExecuted !== true);
  for (const [i, { toolName, input }] of calls.entries()) {
    if (!own.has(toolName) && !tools.has(toolName)) continue;
    const was = refused.find(({ call }) => call === i);
    const problem = await problemOf(tools.get(toolName), toolName, input);
    if ((was === undefined) === (problem === undefined)) continue;
    const head = `call ${callId(step, i)} of ${toolName}`;
    return {
      seq,
      recorded: was === undefined ? `${head} was accepted` : `${head} was refused: ${was.message}`,
      now: problem === undefined ? `${head} would be accepted` : `${head} would be refused: ${problem}`,
    };
  }
  return undefined;
}

async function problemOf(tool: Tool | undefined, name: string, input: JsonValue): Promise<string | undefined> {
  if (tool === undefined) return `there is no tool ${name}`;
  const check = await tool.validate(input);
  return check.ok ? undefined : check.problem;
}

function isSame(decided: EventBody, event: RunEvent): boolean {
  const { seq: _seq, epoch: _epoch, at: _at, activeMs: _active, ...body } = event;
  return canonical(decided as unknown as JsonValue) === canonical(body as unknown as JsonValue);
}

function placeOf(event: EventBody): string {
  if (event.type === "model.started") return `${event.step}.${event.attempt} ${event.model}`;
  return "call" in event ? (event.call ?? "") : "";
}

function wanted({ append, effects, waiting, done }: Decision): string {
  const [first] = append;
  if (first !== undefined) return describe(first);
  if (waiting !== undefined) return `it would wait (${waiting.kind})`;
  return done ? "it has ended" : `it would want ${effects.map(({ id }) => id).join(", ") || "nothing"}`;
}

const MOST_CHARACTERS = 200;

function describe(event: EventBody): string {
  const { type, ...body } = event;
  const fields = Object.entries(body as Readonly<Record<string, unknown>>).filter(([key]) => !HEADER.has(key));
  const text = JSON.stringify(Object.fromEntries(fields));
  return `${type} ${text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}...` : text}`;
}

const HEADER: ReadonlySet<string> = new Set(["seq", "epoch", "at", "activeMs"]);
