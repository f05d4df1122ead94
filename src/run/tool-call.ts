/** Performs a tool call, or finds out what became of one. */
import type { ReconcileEffect, ToolCallEffect } from "../kernel/effects.ts";
import type { CallState } from "../kernel/state.ts";
import { isSuspension } from "../kernel/suspension.ts";
import { isUnknownOutcome } from "../kernel/unknown-outcome.ts";
import type { EventBody, ToolEnded } from "../ports/events.ts";
import type { Mutable } from "../ports/mutable.ts";
import type { Reconciliation, Tool, ToolContext, ToolInputCheck } from "../ports/tools.ts";
import type { Suspension } from "../ports/waiting.ts";
import { settleOrAbandon } from "./abandonable.ts";
import { toolNamed } from "./file-tool.ts";
import { inTime } from "./in-time.ts";
import type { Session } from "./session.ts";
import { describeStop, type StopReason } from "./stop-reason.ts";
import type { Stopper } from "./stopper.ts";
import { toSuspended } from "./suspend.ts";
import { encodeError, type EncodedResult, encodeResult } from "./tool-result.ts";
import { toolContext } from "./tool-context.ts";

export async function performToolCall(session: Session, effect: ToolCallEffect, stopper: Stopper): Promise<readonly EventBody[]> {
  const { call } = effect;
  const tool = toolNamed(session, call.name);
  if (tool === undefined) return [errorOutcome(call, `There is no tool ${call.name} in this process.`)];
  const input = session.takeInput(call) ?? (await checkInput(session, tool, call));
  if (!input.ok) return [errorOutcome(call, `The arguments of ${call.name} ${input.problem}`)];
  const { clock } = session.ports;
  const startedAt = clock.monotonic();
  const artifacts: EventBody[] = [];
  const context = toolContext(session, call, stopper, artifacts);
  session.ports.toolUses.note(tool);
  const settled = await within(session, tool, stopper, workOf({ tool, call, input: input.value, context }));
  const durationMs = Math.round(clock.monotonic() - startedAt);
  const stop = stopper.reason;
  if (settled.type === "value") {
    if (isSuspension(settled.value)) return [...artifacts, suspended(session, tool, call, settled.value)];
    const ended = succeeded(session, call, { tool, input: input.value, result: settled.value, durationMs });
    return [...artifacts, ended instanceof Promise ? await ended : ended];
  }
  if (stop?.type === "shutdown" || stop?.type === "fenced") return [];
  const error = settled.type === "error" ? settled.error : undefined;
  return [...artifacts, failedCall(tool, call, { error, stop, durationMs })];
}

/** From the start, or from where it was suspended. */
function workOf(given: {
  readonly tool: Tool;
  readonly call: CallState;
  readonly input: unknown;
  readonly context: ToolContext;
}): () => Promise<unknown> {
  const { tool, call, input, context } = given;
  const { woken } = call;
  if (woken === undefined) return () => tool.execute(input, context);
  return () => {
    if (tool.resume === undefined) throw new Error(`${tool.name} was suspended, and has no \`resume\` in this process.`);
    return tool.resume(input, woken, context);
  };
}

function suspended(session: Session, tool: Tool, call: CallState, suspension: Suspension): EventBody {
  try {
    return toSuspended(session, tool, call, suspension);
  } catch (error) {
    return errorOutcome(call, `${tool.name} cannot wait like that: ${messageOf(error)}.`);
  }
}

/** Again, for a call of an earlier attempt. */
async function checkInput(session: Session, tool: Tool, call: CallState): Promise<ToolInputCheck> {
  try {
    const check = await inTime(session, () => tool.validate(call.input));
    return check.ok ? check : { ok: false, problem: `do not fit its schema. ${check.problem}` };
  } catch (error) {
    return { ok: false, problem: `could not be checked: ${messageOf(error)}` };
  }
}

/** Abort at the tool's timeout; leave it behind when it ignores that for the grace time. */
function within<T>(
  session: Session,
  tool: Tool,
  stopper: Stopper,
  work: () => Promise<T>,
): ReturnType<typeof settleOrAbandon<T>> {
  const { timers } = session;
  const { limits } = session.state;
  const ms = tool.timeoutMs ?? limits.toolTimeoutMs;
  const ended = timers.after(ms, () => stopper.stop({ type: "timeout", limit: "tool", ms }));
  const late = (): void => session.warn(`${tool.name} came back after it had been abandoned; its result was not used`);
  return settleOrAbandon(work, { stopper, graceMs: limits.graceMs, timers, late, ended });
}

interface Success {
  readonly tool: Tool;
  readonly input: unknown;
  readonly result: unknown;
  readonly durationMs?: number;
  readonly reconciled?: boolean;
}

/** At once where the result has nowhere else to go than into the event. */
function succeeded(session: Session, call: CallState, success: Success): EventBody | Promise<EventBody> {
  const { tool, input, result } = success;
  const { blobs, clock, redaction } = session.ports;
  const recorded = (encoded: EncodedResult): EventBody => toEnded(call, success, encoded);
  const unrecorded = (error: unknown): EventBody => {
    const value = `${tool.name} ran, but its result could not be recorded: ${messageOf(error)}`;
    return toEnded(call, success, { outcome: "error", output: { type: "error-text", value } });
  };
  try {
    const { files: filesBefore } = session.state.request.continues ?? {};
    const encoding = encodeResult(result, {
      tool,
      input,
      call,
      filesBefore,
      blobs,
      clock,
      redaction,
      inTime: (saying) => inTime(session, saying),
    });
    return encoding instanceof Promise ? encoding.then(recorded).catch(unrecorded) : recorded(encoding);
  } catch (error) {
    return unrecorded(error);
  }
}

function toEnded(call: CallState, { tool, input, durationMs, reconciled }: Success, encoded: EncodedResult): ToolEnded {
  const { outcome, output, spilled, spilledParts } = encoded;
  const ended: Mutable<ToolEnded> = { type: "tool.ended", call: call.id, outcome, output };
  if (spilled !== undefined) ended.spilled = spilled;
  if (spilledParts !== undefined) ended.spilledParts = spilledParts;
  if (outcome === "ok" && tool.pins?.(input) === true) ended.pinned = true;
  if (durationMs !== undefined) ended.durationMs = durationMs;
  if (reconciled === true) ended.reconciled = true;
  return ended;
}

function errorOutcome(call: CallState, message: string): EventBody {
  return { type: "tool.ended", call: call.id, outcome: "error", output: { type: "error-text", value: message } };
}

/**
 * A tool that threw on its own has failed. One that was stopped may have done its work: for a `once` tool that is a doubt, for
 * the others an error or a cancellation.
 */
function failedCall(
  tool: Tool,
  call: CallState,
  given: { readonly error: unknown; readonly stop: StopReason | undefined; readonly durationMs: number },
): EventBody {
  const { error, stop, durationMs } = given;
  if (tool.effect === "once" && (stop !== undefined || isUnknownOutcome(error))) {
    const reason = stop === undefined ? messageOf(error) : describeStop(stop);
    return { type: "tool.interrupted", call: call.id, reason };
  }
  if (stop === undefined) return { type: "tool.ended", call: call.id, outcome: "error", output: encodeError(error), durationMs };
  const outcome = stop.type === "timeout" ? "error" : "cancelled";
  const value = `${tool.name} ${describeStop(stop)}.`;
  return { type: "tool.ended", call: call.id, outcome, output: { type: "error-text", value }, durationMs };
}

/** Ask the tool what became of a call that was interrupted. An answer that does not come is `unknown`. */
export async function performReconcile(
  session: Session,
  effect: ReconcileEffect,
  stopper: Stopper,
): Promise<readonly EventBody[]> {
  const { call } = effect;
  const tool = session.tools.get(call.name);
  const reconcile = tool?.reconcile?.bind(tool);
  if (tool === undefined || reconcile === undefined) return [cannotTell(call, `${call.name} has no reconcile in this process`)];
  const input = session.takeInput(call) ?? (await checkInput(session, tool, call));
  if (!input.ok) return [cannotTell(call, input.problem)];
  const context = toolContext(session, call, stopper);
  session.ports.toolUses.note(tool);
  const settled = await within(session, tool, stopper, () => reconcile(input.value, context));
  if (settled.type === "value") return [await found(session, call, { tool, input: input.value, found: settled.value })];
  if (stopper.reason !== undefined && stopper.reason.type !== "timeout") return [];
  const timedOut = stopper.reason === undefined ? "was abandoned" : describeStop(stopper.reason);
  return [cannotTell(call, settled.type === "error" ? messageOf(settled.error) : `reconcile ${timedOut}`)];
}

async function found(
  session: Session,
  call: CallState,
  given: { readonly tool: Tool; readonly input: unknown; readonly found: Reconciliation },
): Promise<EventBody> {
  const { tool, input, found } = given;
  if (found.outcome === "done") return succeeded(session, call, { tool, input, result: found.result, reconciled: true });
  return { type: "tool.reconciled", call: call.id, outcome: found.outcome === "not-done" ? "not-done" : "unknown" };
}

function cannotTell(call: CallState, error: string): EventBody {
  return { type: "tool.reconciled", call: call.id, outcome: "unknown", error };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
