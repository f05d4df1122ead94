/**
 * evolve(state, event) -> state. Pure and total; knows every event version ever released.
 *
 * E1 Never reads a clock, a random number or anything outside its arguments.
 * E2 An event it cannot place (unknown type, wrong moment) changes nothing but the header.
 */
import type { AgentSnapshot } from "../ports/agent.ts";
import type { EventBody, EventHeader, RunStarted } from "../ports/events.ts";
import { outcomeOfChild } from "./children.ts";
import { overheadTokens } from "./context-size.ts";
import { evolveCalls } from "./evolve-calls.ts";
import { evolveInput } from "./evolve-input.ts";
import { evolveModel, modelStarted } from "./evolve-model.ts";
import { evolveWaiting } from "./evolve-waiting.ts";
import { evolveSources, initialSources } from "./evolve-sources.ts";
import { NO_ARTIFACTS } from "./evolve-artifacts.ts";
import { evolveSupervision, NO_SUPERVISION } from "./evolve-supervision.ts";
import { filesOf, keepSpilled, NO_FILES } from "./file-tool.ts";
import { NO_HISTORY } from "./guards.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { emptyList } from "./list.ts";
import { stubUsed } from "./fork.ts";
import { outputRefused } from "./output.ts";
import { opening, phaseEnded, phaseStarted } from "./phases.ts";
import { NO_PROGRESS } from "./progress.ts";
import { mergeSettings } from "./settings.ts";
import { type Draft, IDLE_MODEL, NO_USAGE, NOT_REDEFINED, NOTHING_DELEGATED, type RunState, type Thread } from "./state.ts";

const NO_STUBS: RunState["stubs"] = [];
const NO_BACKGROUND: RunState["background"] = [];

const NO_AGENT: AgentSnapshot = {
  name: "",
  instructions: "",
  tier: "",
  settings: {},
  tools: [],
  fingerprint: "",
  ownTools: 0,
};

/**
 * One literal with every field, and all states are copies of it: so they have one shape whose fields lie side by side, and a copy
 * is a block copy (measured: 0.1 µs; 1 to 10 µs for a literal put together from others, and for one of more than 65 fields).
 */
const BLANK: RunState = {
  run: "",
  seq: 0,
  epoch: 0,
  activeMs: 0,
  definition: NO_AGENT,
  agent: NO_AGENT,
  request: { input: [] },
  earlier: emptyList(),
  phase: undefined,
  limits: DEFAULT_LIMITS,
  models: [],
  step: 0,
  messages: emptyList(),
  calls: [],
  model: IDLE_MODEL,
  steers: [],
  notes: [],
  usage: NO_USAGE,
  costUsd: 0,
  background: NO_BACKGROUND,
  children: 0,
  delegated: NOTHING_DELEGATED,
  lastCallTokens: 0,
  lastCallCostUsd: 0,
  chargedMs: 0,
  toolCalls: 0,
  toolErrors: 0,
  consecutiveErrors: 0,
  errorsHinted: false,
  history: NO_HISTORY,
  hintedStep: -1,
  resultsHinted: false,
  progress: NO_PROGRESS,
  supervision: NO_SUPERVISION,
  compaction: undefined,
  windows: undefined,
  head: 0,
  measuredTokens: 0,
  measuredMessages: 0,
  compactions: 0,
  compactedStep: -1,
  compactionFailedAt: 0,
  overflows: 0,
  cancel: undefined,
  ending: undefined,
  fruitless: 0,
  toolsMissing: undefined,
  question: undefined,
  signals: [],
  approvedTools: [],
  sources: [],
  files: NO_FILES,
  artifacts: NO_ARTIFACTS,
  output: "",
  answered: false,
  verdict: undefined,
  repairs: 0,
  settling: undefined,
  finished: false,
  redefined: NOT_REDEFINED,
  forkedFrom: undefined,
  stubs: NO_STUBS,
  queued: false,
};

export const NO_THREAD: Thread = { messages: emptyList(), files: NO_FILES };

/**
 * The first event makes the state; anything else before it is an error of the store. `thread` is what
 * the run that this one continues came to.
 */
export function initialState(header: EventHeader, event: RunStarted, thread: Thread = NO_THREAD): RunState {
  const { agent, request } = event;
  const { messages: earlier, files } = thread;
  const state: RunState = {
    ...BLANK,
    run: event.run,
    seq: header.seq,
    epoch: header.epoch,
    activeMs: header.activeMs,
    definition: agent,
    agent: request.settings === undefined ? agent : { ...agent, settings: mergeSettings(agent.settings, request.settings) },
    request,
    earlier,
    limits: event.limits,
    models: event.models,
    messages: opening({ earlier, request }, request.input),
    windows: event.windows,
    head: earlier.length + (request.history?.length ?? 0),
    sources: initialSources(agent),
    files: filesOf(request, files),
    queued: request.lane !== undefined,
  };
  return state.windows === undefined ? state : { ...state, measuredTokens: overheadTokens(state) };
}

export function evolve(state: RunState, header: EventHeader, event: EventBody): RunState {
  return evolveOn({ ...state }, header, event);
}

/** Folds one more event into a state that nobody else holds: the next of one commit, after `evolve` made a copy for the first. */
export function evolveOn(next: Draft, header: EventHeader, event: EventBody): RunState {
  const { inFlight } = next.model;
  next.seq = header.seq;
  next.epoch = header.epoch;
  next.activeMs = header.activeMs;
  evolveBody(next, header, event);
  if (inFlight && !next.model.inFlight) next.chargedMs = header.activeMs;
  return next;
}

/** Writes into a copy; nothing inside it is changed in place. */
function evolveBody(next: Draft, header: EventHeader, event: EventBody): void {
  switch (event.type) {
    case "model.started":
      modelStarted(next, event);
      break;
    case "model.answered":
    case "model.failed":
    case "context.compacted":
    case "compaction.failed":
      next.fruitless = 0;
      evolveModel(next, header, event);
      break;
    case "tool.started":
    case "child.started":
    case "child.parked":
      evolveCalls(next, event);
      break;
    case "tool.reconciled":
    case "tool.interrupted":
    case "tool.ended":
    case "call.resolved":
    case "child.ended":
      if (!isLetGo(event)) next.fruitless = 0;
      if (event.type === "tool.ended") keepSpilled(next, event);
      if (event.type === "tool.ended" && event.stub !== undefined) stubUsed(next, event.stub);
      evolveCalls(next, event);
      break;
    case "approval.requested":
    case "approval.answered":
    case "question.asked":
    case "question.answered":
    case "tool.suspended":
    case "tool.woken":
    case "wait.expired":
    case "signal.received":
      next.fruitless = 0;
      evolveWaiting(next, event);
      break;
    default:
      evolveRarer(next, event);
  }
}

/** A call that was only given up brings a run no further: else one that is to end as poisoned would go on when its calls are closed. */
function isLetGo(event: EventBody): boolean {
  if (event.type === "child.ended") return outcomeOfChild(event) === "cancelled";
  return event.type === "tool.ended" && (event.outcome === "cancelled" || event.outcome === "unknown");
}

/** What most runs never have. */
function evolveRarer(next: Draft, event: EventBody): void {
  switch (event.type) {
    case "source.opened":
    case "source.failed":
    case "source.changed":
    case "source.decided":
    case "source.settled":
    case "source.closed":
      evolveSources(next, event);
      break;
    case "stall.noticed":
    case "supervisor.decided":
      evolveSupervision(next, event);
      break;
    case "phase.started":
      phaseStarted(next, event);
      break;
    case "phase.ended":
      phaseEnded(next, event);
      break;
    case "output.refused":
      outputRefused(next, event);
      break;
    default:
      evolveInput(next, event);
  }
}
