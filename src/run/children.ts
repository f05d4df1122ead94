/**
 * Runs that answer calls of other runs: admitted, followed and ended.
 *
 * A child is an ordinary run. Its parent holds nothing of it but its id; whatever happened to either of them, the child's row says
 * what is to be done next.
 */
import { callOf, childRunId, depthOf, leftBehind, timeForChild } from "../kernel/children.ts";
import type { ChildEffect, EndChildEffect } from "../kernel/effects.ts";
import { isExecutusError, messageWithHint } from "../kernel/errors.ts";
import { isFinal } from "../kernel/status.ts";
import { type CallState, NO_USAGE } from "../kernel/state.ts";
import type { ChildEnded, EventBody, RunStarted } from "../ports/events.ts";
import type { RunRow } from "../ports/store.ts";
import { admit, type ChildPlace } from "./admission.ts";
import { tellEnd } from "./child-end.ts";
import { launch } from "./conduct.ts";
import type { Core } from "./core.ts";
import { agentOf, promptOf } from "./palette.ts";
import { foldJournal } from "./result.ts";
import { sendCommand } from "./send.ts";
import type { Children, Session } from "./session.ts";
import type { Stopper } from "./stopper.ts";
import type { RunRequest } from "./types.ts";

/** How often a child that another process drives is looked at: nobody tells of a process that died. */
const LOOK_MS = 1_000;

export function createChildren(core: Core): Children {
  return {
    perform: (session, effect, stopper) => {
      const bond = new Bond(core, session, effect, stopper);
      return effect.kind === "child" ? follow(bond) : end(bond, effect);
    },
  };
}

/** One call and its child, until the call is answered or not wanted. */
class Bond {
  readonly core: Core;
  readonly session: Session;
  readonly effect: ChildEffect | EndChildEffect;
  readonly call: CallState;
  readonly child: string;
  /** Resolves once this is not to go on; the effect itself ends then, whatever the child does. */
  readonly stopped: Promise<void>;
  readonly #stopper: Stopper;

  constructor(core: Core, session: Session, effect: ChildEffect | EndChildEffect, stopper: Stopper) {
    this.core = core;
    this.session = session;
    this.effect = effect;
    this.call = callOf(session.state, effect.call.id) ?? effect.call;
    this.child = this.call.child?.run ?? childRunId(session.run, effect.call.id);
    this.#stopper = stopper;
    this.stopped = new Promise((resolve) => stopper.whenStopped(resolve));
  }

  get isStopped(): boolean {
    return this.#stopper.reason !== undefined || this.session.stopping !== undefined;
  }

  /** Until something about the child changed, or it is time to look again. */
  async change(ms: number = LOOK_MS): Promise<void> {
    const { core, child } = this;
    let unwatch = (): void => {};
    let cancel = (): void => {};
    const changed = new Promise<"changed" | "quiet">((resolve) => {
      unwatch = core.store.journal.watch(child, () => resolve("changed"));
      cancel = core.clock.after(ms, () => resolve("quiet"));
    });
    const heard = await Promise.race([changed, this.stopped]);
    unwatch();
    cancel();
    if (heard === "quiet") await this.#noticeLoss();
  }

  /** Whoever has the parent now takes what it is told, and a process that has nothing to write is not refused: it has to look. */
  async #noticeLoss(): Promise<void> {
    const { session, core } = this;
    try {
      const [next] = await core.store.journal.read(session.run, { after: session.state.seq, limit: 1 });
      if (next !== undefined && next.epoch > session.epoch) session.lose();
    } catch {
      // A store that cannot be read now may be read the next time.
    }
  }

  /** Undefined while the store is in trouble: nothing is known of the child then, and it is looked at again a little later. */
  async throughTrouble<T>(look: () => Promise<T>): Promise<T | undefined> {
    try {
      return await look();
    } catch (error) {
      if (!isExecutusError(error) || !error.retryable) throw error;
      this.session.warn(`the child ${this.child} cannot be looked after now: ${messageOf(error)}`);
      await this.change();
      return undefined;
    }
  }

  /** Its end is durable: the parent hears of it, through its inbox, and the call is answered. */
  async told(): Promise<void> {
    const folded = foldJournal(await this.core.store.journal.read(this.child));
    if (folded !== undefined) await tellEnd(this.core, folded.state);
    while (!this.isStopped) await this.change();
  }
}

// --- having it run ---------------------------------------------------------------------------------------------------

async function follow(bond: Bond): Promise<readonly EventBody[]> {
  for (let isFirst = true; !bond.isStopped; isFirst = false) {
    const events = await bond.throughTrouble(() => lookAfter(bond, isFirst));
    if (events !== undefined) return events;
  }
  return [];
}

/** What ends the effect, or undefined: look again. */
async function lookAfter(bond: Bond, isFirst: boolean): Promise<readonly EventBody[] | undefined> {
  const { core, child, call } = bond;
  const live = core.live.get(child);
  if (live !== undefined) {
    const result = await Promise.race([live.handle.result, bond.stopped]);
    // Whoever drove it tells its end, and what stands still is not tried again at once.
    if (!bond.isStopped && result?.status !== "waiting") await bond.change();
    return undefined;
  }
  const row = await core.store.runs.get(child);
  if (row === undefined) {
    const refused = await begin(bond);
    return refused === undefined ? undefined : [refused];
  }
  if (isFinal(row.status)) await bond.told();
  else if (row.owner === undefined && (await isParked(bond, row, isFirst)))
    return [{ type: "child.parked", call: call.id, run: child }];
  else if (row.owner === undefined) await take(bond);
  else await bond.change();
  return undefined;
}

/** A child that waits for somebody is left alone, unless this is a new attempt and it may find here what it waits for. */
async function isParked({ core, child }: Bond, { status, waitingFor }: RunRow, isFirst: boolean): Promise<boolean> {
  if (status !== "waiting") return false;
  if (!isFirst) return true;
  if (waitingFor?.kind === "tools_missing" || waitingFor?.kind === "child") return false;
  return (await core.store.inbox.pending(child)).length === 0;
}

/** What keeps it from going on here may not last: its parent's limits say how long it is tried. */
async function take(bond: Bond): Promise<void> {
  try {
    await bond.core.engine.take(bond.child);
  } catch (error) {
    if (isExecutusError(error) && error.code === "run_finished") return;
    const isElsewhere = isExecutusError(error) && error.code === "run_owned";
    if (!isElsewhere) bond.session.warn(`the child ${bond.child} cannot go on here: ${messageOf(error)}`);
    await bond.change();
  }
}

/** Admits the child, unless somebody has; what refuses it is the answer to the call. */
async function begin(bond: Bond): Promise<ChildEnded | undefined> {
  const { core, session, call } = bond;
  const delegate = session.tools.get(call.name)?.delegate;
  if (delegate === undefined) return failed(bond, `There is no delegate ${call.name} in this process.`);
  const place = placeOf(bond);
  if (place.timeMs <= 0) return failed(bond, "There is no time left in this run to hand on work.");
  try {
    const agent = await agentOf(delegate, session.tools.values());
    const admitted = await admit(core, agent, requestOf(bond), place);
    if (admitted.session !== undefined) launch(core, admitted.session);
    return undefined;
  } catch (error) {
    if (!isExecutusError(error) || !error.retryable) return failed(bond, messageOf(error));
    session.warn(`the child ${bond.child} cannot start now: ${messageOf(error)}`);
    await bond.change();
    return undefined;
  }
}

function placeOf({ session, call }: Bond): ChildPlace {
  const { state } = session;
  const { tokens, costUsd } = call.child ?? {};
  return {
    parent: session.run,
    parentCall: call.id,
    depth: depthOf(state) + 1,
    deepest: state.limits.depth,
    timeMs: timeForChild(state, session.now().activeMs),
    ...(tokens === undefined ? {} : { tokens }),
    ...(costUsd === undefined ? {} : { costUsd }),
  };
}

function requestOf({ session, call, child }: Bond): RunRequest {
  const { agent, request } = session.state;
  const { caller, channel, tenant, labels } = request;
  const delegate = session.tools.get(call.name)?.delegate;
  const model = delegate !== undefined && "model" in delegate ? delegate.model : undefined;
  return {
    id: child,
    parent: session.run,
    root: session.state.request.root ?? session.run,
    input: promptOf(call.input),
    model: model ?? agent.tier,
    ...(caller === undefined ? {} : { caller }),
    ...(channel === undefined ? {} : { channel }),
    ...(tenant === undefined ? {} : { tenant }),
    ...(labels === undefined ? {} : { labels }),
  };
}

function failed({ call, child }: Bond, message: string): ChildEnded {
  const output = { type: "error-text", value: message } as const;
  const used = { usage: NO_USAGE, costUsd: 0, steps: 0, toolCalls: 0, durationMs: 0 };
  return { type: "child.ended", call: call.id, run: child, status: "failed", output, ...used };
}

function messageOf(error: unknown): string {
  if (isExecutusError(error)) return messageWithHint(error);
  return error instanceof Error ? error.message : String(error);
}

// --- having it end ---------------------------------------------------------------------------------------------------

/** The order to end is durable as soon as the store takes it. A cancel is waited for until the child is final, a kill for the grace time. */
async function end(bond: Bond, effect: EndChildEffect): Promise<readonly EventBody[]> {
  const { core, session, call, child } = bond;
  const since = core.clock.monotonic();
  const { graceMs } = session.state.limits;
  while (!bond.isStopped) {
    const isTold = await bond.throughTrouble(() => tellToEnd(bond, effect));
    if (isTold !== undefined && effect.mode === "kill" && core.clock.monotonic() - since >= graceMs) {
      return [leftBehind(call, `It was told to end, but did not within ${graceMs} ms. See run ${child}.`)];
    }
  }
  return [];
}

async function tellToEnd(bond: Bond, { mode, reason }: EndChildEffect): Promise<true> {
  const { core, session, child } = bond;
  const row = await core.store.runs.get(child);
  if (row === undefined) await closeUnbegun(bond, reason);
  else if (isFinal(row.status)) await bond.told();
  else {
    await sendCommand(core, child, { kind: mode, reason }, { id: `parent-${mode}`, from: session.run });
    if (core.live.get(child) === undefined && row.owner === undefined) await take(bond);
    else await bond.change(Math.min(LOOK_MS, session.state.limits.graceMs));
  }
  return true;
}

/**
 * Its start was intended and never happened. It is admitted as cancelled, so that a process that slept through all this cannot
 * start it any more.
 */
async function closeUnbegun(bond: Bond, reason: string): Promise<void> {
  const { core, session, child, call } = bond;
  const { agent, request, limits } = session.state;
  const { parent, parentCall, depth } = placeOf(bond);
  const { caller, channel, tenant } = request;
  const origin = {
    parent,
    root: request.root ?? session.run,
    ...(caller === undefined ? {} : { caller }),
    ...(channel === undefined ? {} : { channel }),
    ...(tenant === undefined ? {} : { tenant }),
  };
  const name = session.tools.get(call.name)?.delegate?.name ?? call.name;
  const started: RunStarted = {
    type: "run.started",
    run: child,
    agent: { name, instructions: "", tier: agent.tier, settings: {}, tools: [], ownTools: 0, fingerprint: "" },
    request: { ...origin, input: [{ type: "text", text: promptOf(call.input) }], parentCall, depth },
    limits,
    models: [],
  };
  const error = { code: "cancelled", message: reason };
  const events: EventBody[] = [
    started,
    { type: "run.settling", status: "cancelled", error },
    { type: "run.finished", status: "cancelled" },
  ];
  const at = Math.round(core.clock.now());
  await core.store.runs.create({ run: child, agent: name, ...origin, at, events, row: { status: "cancelled" } });
}
