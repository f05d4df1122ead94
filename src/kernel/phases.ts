/**
 * Stages of an agent: each is a conversation of its own with its own prompt, models, tools and bounds.
 *
 * P1 A phase sees what came before the run, the request, and of earlier phases their answers alone, where its templates name them.
 * P2 A phase that has ended is never begun again: which one comes next follows from the state.
 * P3 `state.agent` is the agent as it is in the current phase, so nothing else in the kernel knows about phases.
 */
import type { AgentSnapshot, PhaseSnapshot } from "../ports/agent.ts";
import type { EventBody, PhaseEnded, PhaseStarted } from "../ports/events.ts";
import type { Message, UserPart } from "../ports/messages.ts";
import { overheadTokens } from "./context-size.ts";
import { toolsIn } from "./evolve-sources.ts";
import { NO_HISTORY } from "./guards.ts";
import { append, type List } from "./list.ts";
import { NO_PROGRESS } from "./progress.ts";
import { mergeSettings } from "./settings.ts";
import { type Draft, IDLE_MODEL, type PhaseState, type RunState, totalTokens } from "./state.ts";
import { fill } from "./templates.ts";

/** The phase to begin: the first, or the one after the current. Undefined after the last, and where there are none. */
export function nextPhase(state: RunState): PhaseSnapshot | undefined {
  return state.definition.phases?.[state.phase === undefined ? 0 : state.phase.index + 1];
}

/** The current phase, if it came to a bound of its own and has wrapped up. */
export function phaseToEnd({ ending, answered, phase }: RunState): PhaseState | undefined {
  return ending?.phase === true && answered && phase?.isOver === false ? phase : undefined;
}

/** The answer of the current phase is in: it is over, and the next one begins. */
export function changeOfPhase(state: RunState, phase: PhaseState): readonly EventBody[] {
  const limit = state.ending?.phase === true ? { limit: state.ending.limit } : {};
  const next = nextPhase(state);
  return [
    {
      type: "phase.ended",
      phase: phase.name,
      output: state.output,
      ...(limit.limit === undefined ? {} : { limit: limit.limit }),
    },
    ...(next === undefined ? [] : [{ type: "phase.started" as const, phase: next.name }]),
  ];
}

export function phaseStarted(next: Draft, event: PhaseStarted): void {
  const index = next.definition.phases?.findIndex(({ name }) => name === event.phase) ?? -1;
  const phase = next.definition.phases?.[index];
  if (phase === undefined) return;
  const ended = next.phase?.ended ?? [];
  const valueOf = (name: string): string | undefined => {
    if (name === "Input") return textOf(next.request.input);
    return name === "Instructions" ? next.definition.instructions : ended.find((earlier) => earlier.name === name)?.output;
  };
  next.phase = {
    index,
    name: phase.name,
    step: next.step,
    activeMs: next.activeMs,
    tokens: totalTokens(next.usage),
    costUsd: next.costUsd,
    limits: phase.limits ?? {},
    isOver: false,
    ended,
  };
  next.agent = agentIn(next, phase, valueOf);
  next.models = phase.models;
  next.messages = opening(
    next,
    phase.input === undefined ? next.request.input : toInput(next.request.input, fill(phase.input, valueOf)),
  );
  startAfresh(next);
  next.head = next.earlier.length + (next.request.history?.length ?? 0);
  next.measuredTokens = next.windows === undefined ? 0 : overheadTokens(next);
}

/** The definition is another one: the agent as it is now, in the phase that is under way if there is one. */
export function readopted(next: Draft): void {
  const { definition, request, phase: current, sources } = next;
  const index = definition.phases?.findIndex(({ name }) => name === current?.name) ?? -1;
  const phase = definition.phases?.[index];
  if (current === undefined || phase === undefined) {
    const settings = mergeSettings(definition.settings, request.settings);
    next.agent = { ...definition, settings, tools: toolsIn(definition, undefined, sources) };
    return;
  }
  const valueOf = (name: string): string | undefined => {
    if (name === "Input") return textOf(request.input);
    return name === "Instructions" ? definition.instructions : current.ended.find((earlier) => earlier.name === name)?.output;
  };
  next.phase = { ...current, index, limits: phase.limits ?? {} };
  next.agent = agentIn(next, phase, valueOf);
  next.models = phase.models;
}

function agentIn(next: Draft, phase: PhaseSnapshot, valueOf: (name: string) => string | undefined): AgentSnapshot {
  const { definition, request, sources } = next;
  return {
    ...definition,
    instructions: fill(phase.instructions, valueOf),
    tier: phase.tier,
    settings: mergeSettings(definition.settings, phase.settings, request.settings),
    tools: toolsIn(definition, phase, sources),
  };
}

/** What a conversation begins with: the thread, the request's history, the first turn. */
export function opening({ earlier, request }: Pick<RunState, "earlier" | "request">, input: readonly UserPart[]): List<Message> {
  let messages = earlier;
  for (const message of request.history ?? []) messages = append(messages, message);
  return input.length === 0 ? messages : append(messages, { role: "user", content: input });
}

function toInput(request: readonly UserPart[], text: string): readonly UserPart[] {
  const files = request.filter((part) => part.type !== "text");
  return text === "" ? files : [{ type: "text", text }, ...files];
}

function textOf(parts: readonly UserPart[]): string {
  return parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n");
}

/** Guards, hints and verdicts are about one conversation. */
function startAfresh(next: Draft): void {
  next.calls = [];
  next.model = IDLE_MODEL;
  next.notes = [];
  next.lastCallTokens = 0;
  next.lastCallCostUsd = 0;
  next.consecutiveErrors = 0;
  next.errorsHinted = false;
  next.history = NO_HISTORY;
  next.resultsHinted = false;
  next.progress = NO_PROGRESS;
  next.hintedStep = -1;
  next.measuredMessages = 0;
  next.compactedStep = -1;
  next.compactionFailedAt = 0;
  next.overflows = 0;
  next.ending = undefined;
  next.answered = false;
  next.verdict = undefined;
  next.repairs = 0;
}

export function phaseEnded(next: Draft, event: PhaseEnded): void {
  const { phase } = next;
  if (phase?.name !== event.phase || phase.isOver) return;
  const { output, limit } = event;
  const ended = { name: phase.name, output, steps: next.step - phase.step, ...(limit === undefined ? {} : { limit }) };
  next.phase = { ...phase, isOver: true, ended: [...phase.ended, ended] };
}
