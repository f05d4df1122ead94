/** Performs a model call: timeouts, refusal of calls that cannot run, price. */
import { costUsd } from "../kernel/cost.ts";
import type { ModelEffect } from "../kernel/effects.ts";
import { toModelFailure } from "../kernel/model-error.ts";
import type { EventBody, ModelAnswered, ModelFailed } from "../ports/events.ts";
import type { AssistantPart, ToolCallPart } from "../ports/messages.ts";
import type { ModelAnswer, ModelCandidate, ModelDelta } from "../ports/models.ts";
import type { Mutable } from "../ports/mutable.ts";
import { settleOrAbandon } from "./abandonable.ts";
import { checkCalls, withoutDepth } from "./check-calls.ts";
import { checkOutput } from "./output.ts";
import { promptOf } from "./prompt.ts";
import type { Session } from "./session.ts";
import { describeStop, type StopReason } from "./stop-reason.ts";
import type { Stopper } from "./stopper.ts";

/** A model that ignores its abort signal holds nothing but memory, so it is not waited for long. */
const MODEL_GRACE_MS = 250;

export async function performModelCall(session: Session, effect: ModelEffect, stopper: Stopper): Promise<readonly EventBody[]> {
  const { clock } = session.ports;
  const candidate = session.candidates.get(effect.model);
  if (candidate === undefined)
    return [failed(session, effect, { error: new Error(`${effect.model} is not configured here`), durationMs: 0 })];
  const startedAt = clock.monotonic();
  if (mayPassOver(session) && session.ports.circuits.isOpen(effect.model, startedAt)) return [passedOver(session, effect)];
  const patience = new ModelPatience(session, stopper);
  const settled = await callWithTimeouts(session, { effect, candidate, stopper, patience });
  const durationMs = Math.round(clock.monotonic() - startedAt);
  const stop = stopper.reason;
  report(session, effect, { settled, stop });
  if (stop?.type === "timeout") {
    const error = Object.assign(new Error(`${effect.model} ${describeStop(stop)}`), { code: "model_timeout", retryable: true });
    return [failed(session, effect, { error, durationMs, usageUnknown: true })];
  }
  if (stop !== undefined || settled.type === "abandoned") return [];
  if (settled.type === "error") {
    return [failed(session, effect, { error: settled.error, durationMs, usageUnknown: patience.hasHeard })];
  }
  return answered(session, effect, { candidate, answer: settled.value, durationMs });
}

/** Only while there is another candidate: the last one is called whatever happened before. */
function mayPassOver({ state }: Session): boolean {
  return state.model.candidate + 1 < state.models.length;
}

function passedOver(session: Session, effect: ModelEffect): ModelFailed {
  const message = `${effect.model} was passed over: it has failed several times in a row for runs of this process`;
  const error = Object.assign(new Error(message), { code: "model_unavailable", retryable: true });
  return { ...failed(session, effect, { error, durationMs: 0 }), passedOver: true };
}

/** What this call tells about the model, for the other runs of this process. */
function report(
  session: Session,
  { model }: ModelEffect,
  { settled, stop }: { readonly settled: Settlement; readonly stop: StopReason | undefined },
): void {
  const { circuits, clock } = session.ports;
  if (stop?.type === "timeout") return circuits.failed(model, clock.monotonic());
  if (stop !== undefined || settled.type === "abandoned") return circuits.untold(model);
  if (settled.type === "value") return circuits.succeeded(model);
  const { retryable, retryAfterMs } = toModelFailure(settled.error, clock.now());
  if (retryable) circuits.failed(model, clock.monotonic(), retryAfterMs);
  else circuits.succeeded(model);
}

type Settlement = Awaited<ReturnType<typeof settleOrAbandon<ModelAnswer>>>;

interface Attempt {
  readonly effect: ModelEffect;
  readonly candidate: ModelCandidate;
  readonly stopper: Stopper;
  readonly patience: ModelPatience;
}

async function callWithTimeouts(session: Session, { effect, candidate, stopper, patience }: Attempt): Promise<Settlement> {
  const { observers, redaction } = session.ports;
  const redactor = observers.length === 0 ? undefined : redaction?.current?.deltas();
  const show = (delta: ModelDelta): void => session.delta(effect.attempt, delta);
  // One that was abandoned may go on streaming; the run is elsewhere by then.
  let isOver = false;
  const work = (): Promise<ModelAnswer> =>
    candidate.call(promptOf(session.state, effect), {
      signal: stopper.signal,
      onPart: (delta) => {
        if (isOver) return;
        patience.heard();
        if (delta === undefined || observers.length === 0) return;
        if (redactor === undefined) show(delta);
        else redactor.push(delta).forEach(show);
      },
    });
  const settled = await settleOrAbandon(work, { stopper, graceMs: MODEL_GRACE_MS, timers: session.timers });
  isOver = true;
  patience.end();
  redactor?.end().forEach(show);
  return settled;
}

/** First-token, idle and total in one deadline: it is set for the nearest of them, and set again when that has moved. */
class ModelPatience {
  readonly #session: Session;
  readonly #stopper: Stopper;
  readonly #startedAt: number;
  #lastPart: number | undefined;
  #looksAt = Infinity;
  #cancel: (() => void) | undefined;

  constructor(session: Session, stopper: Stopper) {
    this.#session = session;
    this.#stopper = stopper;
    this.#startedAt = session.ports.clock.monotonic();
    this.#check();
  }

  get hasHeard(): boolean {
    return this.#lastPart !== undefined;
  }

  heard(): void {
    const isFirst = this.#lastPart === undefined;
    this.#lastPart = this.#session.ports.clock.monotonic();
    this.#session.heardAt = this.#lastPart;
    // The idle time may be shorter than what is left of the time for the first part; a look that comes too early finds that out.
    if (!isFirst || this.#looksAt <= this.#lastPart + this.#session.state.limits.idleTokenMs) return;
    this.#cancel?.();
    this.#check();
  }

  end(): void {
    this.#cancel?.();
  }

  #check(): void {
    const { limits } = this.#session.state;
    const now = this.#session.ports.clock.monotonic();
    const quiet = this.#lastPart === undefined ? limits.firstTokenMs : limits.idleTokenMs;
    const quietLeft = (this.#lastPart ?? this.#startedAt) + quiet - now;
    const totalLeft = this.#startedAt + limits.modelCallMs - now;
    if (quietLeft <= 0) this.#stop(this.#lastPart === undefined ? "first-token" : "idle", quiet);
    else if (totalLeft <= 0) this.#stop("total", limits.modelCallMs);
    else this.#lookAgain(now, Math.min(quietLeft, totalLeft));
  }

  #lookAgain(now: number, inMs: number): void {
    this.#looksAt = now + inMs;
    this.#cancel = this.#session.timers.after(inMs, () => this.#check());
  }

  #stop(limit: "first-token" | "idle" | "total", ms: number): void {
    this.#stopper.stop({ type: "timeout", limit, ms });
  }
}

function failed(
  session: Session,
  effect: ModelEffect,
  what: { readonly error: unknown; readonly durationMs: number; readonly usageUnknown?: boolean },
): ModelFailed {
  const { clock } = session.ports;
  const failure = toModelFailure(what.error, clock.now());
  return {
    type: "model.failed",
    step: effect.step,
    model: effect.model,
    error: failure.error,
    retryable: failure.retryable,
    ...(failure.retryAfterMs === undefined ? {} : { retryAfterMs: failure.retryAfterMs }),
    jitter: Math.round(clock.random() * 1000) / 1000,
    ...(what.usageUnknown === true ? { usageUnknown: true } : {}),
    durationMs: what.durationMs,
  };
}

async function answered(
  session: Session,
  effect: ModelEffect,
  given: { readonly candidate: ModelCandidate; readonly answer: ModelAnswer; readonly durationMs: number },
): Promise<readonly EventBody[]> {
  const { answer, candidate, durationMs } = given;
  // Before the calls are looked at: what a tool is given is what the journal says it was given.
  const bounded = withoutDepth(answer.content);
  const said = session.ports.redaction?.data(bounded) ?? bounded;
  const { content, refused, requests } = await checkCalls(session, withUniqueIds(session, said), answer.finish);
  const output = session.output === undefined ? undefined : await checkOutput(session, content, answer.finish);
  const cost = candidate.price === undefined ? undefined : costUsd(answer.usage, candidate.price);
  const { step, model } = effect;
  const { finish, usage } = answer;
  const event: Mutable<ModelAnswered> = { type: "model.answered", step, model, content, finish, usage, durationMs };
  if (cost !== undefined) event.costUsd = cost;
  if (refused.length > 0) event.refused = refused;
  if (output !== undefined) event.output = output;
  tellMore(event, answer);
  return requests.length === 0 ? [event] : [event, ...requests];
}

/** What the provider said beside the answer, where it said something. */
function tellMore(event: Mutable<ModelAnswered>, answer: ModelAnswer): void {
  const { finish, rawFinish, providerMetadata, response, warnings } = answer;
  if (rawFinish !== undefined && rawFinish !== finish) event.rawFinish = rawFinish;
  if (providerMetadata !== undefined) event.providerMetadata = providerMetadata;
  if (response !== undefined) event.response = response;
  if (warnings !== undefined && warnings.length > 0) event.warnings = warnings;
}

/**
 * Providers give the same id twice, or none (PEERS pain 24); prompts need unique ones. An id that is already taken is
 * replaced by ours; all others stay, because some providers refer to them later.
 */
function withUniqueIds(session: Session, content: readonly AssistantPart[]): readonly AssistantPart[] {
  if (!content.some(isCall)) return content;
  const taken = session.callIds();
  let ordinal = 0;
  return content.map((part) => {
    if (!isCall(part)) return part;
    const own = `call_${session.state.step}_${ordinal++}`;
    const isFree = part.toolCallId !== "" && !taken.has(part.toolCallId);
    // Ours may be taken too, by a run that this one goes on from: its steps have the same numbers.
    const id = isFree ? part.toolCallId : taken.has(own) ? `${own}_${taken.size}` : own;
    taken.add(id);
    return id === part.toolCallId ? part : { ...part, toolCallId: id };
  });
}

function isCall(part: AssistantPart): part is ToolCallPart {
  return part.type === "tool-call" && part.providerExecuted !== true;
}
