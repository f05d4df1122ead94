/** Opens a tool source for a run, and compares what it offers with what the journal holds. */
import type { SourceEffect } from "../kernel/effects.ts";
import type { RunState, SourceState } from "../kernel/state.ts";
import type { ToolSnapshot } from "../ports/agent.ts";
import type { ChangePolicy } from "../ports/definition.ts";
import type { EventBody } from "../ports/events.ts";
import type { JsonValue } from "../ports/json.ts";
import type { OpenedSource, SourceContext, ToolSource } from "../ports/tool-source.ts";
import type { Tool } from "../ports/tools.ts";
import { type Settled, settleOrAbandon } from "./abandonable.ts";
import { toJson } from "./json.ts";
import type { Session } from "./session.ts";
import { compareTools } from "./source-changes.ts";
import { identityOf, messageOf, sourceState } from "./sources.ts";
import type { Stopper } from "./stopper.ts";
import { putClean } from "./store-bytes.ts";
import { begunWith, isNewlyChosen, isWanted, type Offer, recall, remember } from "./source-memory.ts";
import { bindTools, readSchemas, snapshotTool, withOptions } from "./toolbox.ts";

export async function performOpenSource(session: Session, effect: SourceEffect, stopper: Stopper): Promise<readonly EventBody[]> {
  const state = sourceState(session, effect.source);
  if (state === undefined) return [];
  const source = session.desk?.code.get(effect.source);
  if (source === undefined) return failed(session, state, "nothing of that name is registered in this process", "missing");
  const settled = await inTheRunsTime(session, state, { source, stopper });
  if (stopper.reason !== undefined || settled.type === "abandoned") return [];
  if (settled.type === "error") return failed(session, state, messageOf(settled.error));
  try {
    await readSchemas(settled.value.tools);
    const remembered = await recall(session, state, source);
    const offer = { source, opened: settled.value, tools: withoutSecrets(session, settled.value), remembered };
    const events = offered(session, state, offer);
    await remember(session, events, offer);
    return events;
  } catch (error) {
    return failed(session, state, messageOf(error));
  }
}

interface Opening {
  readonly source: ToolSource;
  readonly stopper: Stopper;
}

/** As long as the run wants it. What comes later is closed by whoever waits for `opening`. */
function inTheRunsTime(session: Session, state: SourceState, given: Opening): Promise<Settled<OpenedSource>> {
  const patience = { stopper: given.stopper, graceMs: session.state.limits.graceMs, timers: session.timers };
  return settleOrAbandon(() => openSource(session, state, given), patience);
}

/** Opens it, or finds it open. Kept as soon as it is there, so that it is closed and cleaned up whatever becomes of the run. */
export function openSource(session: Session, state: SourceState, given: Opening): Promise<OpenedSource> {
  const opened = openOrFind(session, state, given);
  session.desk?.opening.set(state.name, opened.then(noted, noted));
  return opened;
}

const noted = (): void => {};

/** An opening that nobody waits for any more comes first: of two openings only one would be closed. */
async function openOrFind(session: Session, state: SourceState, given: Opening): Promise<OpenedSource> {
  await session.desk?.opening.get(state.name);
  given.stopper.signal.throwIfAborted();
  const known = session.desk?.open.get(state.name);
  if (known !== undefined) return known;
  const opened = await given.source.open(toContext(session, state, given.stopper));
  if (session.desk?.closed.has(state.name) === true) {
    await opened.close?.();
    throw new Error("it was opened too late");
  }
  session.desk?.open.set(state.name, opened);
  return opened;
}

function toContext(session: Session, state: SourceState, stopper: Stopper): SourceContext {
  const { caller, channel, tenant, labels } = session.state.request;
  return {
    ...identityOf(session, state, stopper.signal),
    attempt: session.epoch,
    ...(caller === undefined ? {} : { caller }),
    ...(channel === undefined ? {} : { channel }),
    ...(tenant === undefined ? {} : { tenant }),
    ...(labels === undefined ? {} : { labels }),
    keep: (bytes) => putClean(session.ports, bytes),
  };
}

/** A run that has begun with it is not given up: it waits for a process, or a time, in which it can be opened. */
function failed(session: Session, state: SourceState, why: string, isMissing?: "missing"): readonly EventBody[] {
  const message = `the tool source ${state.name} could not be opened: ${why}`;
  const mayWait = state.optional !== true && (isMissing === "missing" || state.tools !== undefined);
  if (mayWait) return [{ type: "tools.missing", names: [message] }];
  session.warn(message);
  return [{ type: "source.failed", source: state.name, error: { code: "source_failed", message } }];
}

/** As the journal will have them, so that the next opening finds no difference. */
function withoutSecrets({ ports }: Session, { tools }: OpenedSource): readonly Tool[] {
  const { redaction } = ports;
  if (redaction === undefined) return tools;
  return tools.map((tool) => {
    const { description, inputSchema } = tool;
    const told = redaction.data({ description, inputSchema });
    return told.description === description && told.inputSchema === inputSchema ? tool : { ...tool, ...told };
  });
}

function offered(session: Session, state: SourceState, offer: Offer): readonly EventBody[] {
  const { source, opened, remembered } = offer;
  const { polling = [], toolOptions = {} } = session.state.definition;
  const wanted = offer.tools.filter(({ name }) => isWanted(state, name));
  const tools = wanted.map((tool) => withOptions(tool, toolOptions[tool.name]));
  checkNames(session, state, tools);
  const now = tools.map((tool): ToolSnapshot => ({ ...snapshotTool(tool, polling), source: state.name }));
  const earlier = begunWith(session, state, remembered);
  if (state.tools !== undefined) {
    const chosen = (earlier ?? now).filter(({ name }) => isNewlyChosen(state, name));
    const was = chosen.length === 0 ? state.tools : [...state.tools, ...chosen];
    return compared(session, state, { source, opened, tools, now, was });
  }
  // As remembered, but with what may change without being asked about, such as timeouts.
  if (earlier === undefined || compareTools(earlier, now).isSame) return taken(session, state, { tools, now, opened });
  const begun: EventBody = { type: "source.opened", source: state.name, tools: earlier, ...factsOf(state, opened) };
  const events = compared(session, state, { source, opened, tools, now, was: earlier });
  return events[0]?.type === "source.opened" ? [{ ...begun, ...events[0] }, ...events.slice(1)] : [begun, ...events];
}

interface Comparison extends Taken {
  readonly source: ToolSource;
  readonly was: readonly ToolSnapshot[];
  readonly now: readonly ToolSnapshot[];
}

function compared(session: Session, state: SourceState, given: Comparison): readonly EventBody[] {
  const { source, was, now } = given;
  const { changes, added, isSame } = compareTools(was, now);
  if (source.memory !== undefined) changes.push(...added);
  const isShown = state.offered !== undefined && compareTools(state.offered.tools, now).isSame;
  switch (isSame ? "pin" : policyFor(source, state, { hasChanges: changes.length > 0, isShown })) {
    case "adopt":
      return taken(session, state, given);
    case "pin":
      return pinned(session, state, given);
    case "ask":
      return [{ type: "source.changed", source: state.name, ...(isShown ? {} : { tools: now }), changes }];
  }
}

/** What a person decided holds for what they were shown, and for nothing else. A tool that is only new need not be asked about. */
function policyFor(
  { changes = "pin" }: ToolSource,
  { decision }: SourceState,
  { hasChanges, isShown }: { readonly hasChanges: boolean; readonly isShown: boolean },
): ChangePolicy {
  if (changes !== "ask") return changes;
  if (isShown && decision !== undefined) return decision;
  return hasChanges ? "ask" : "pin";
}

/** Checked against what is bound now, without a pause between check and binding: two sources may open at once. */
function checkNames(session: Session, state: SourceState, tools: readonly Tool[]): void {
  const own = new Set(state.tools?.map(({ name }) => name));
  const taken = new Set([...session.tools.keys(), ...namesOf(session.state)]);
  for (const { name } of tools) {
    if (taken.has(name) && !own.has(name))
      throw new Error(`it brings a tool named ${name}, and there is one of that name already`);
    taken.add(name);
    own.delete(name);
  }
}

/** Of the agent in all its phases, and of sources that were open before. */
function namesOf({ definition, agent }: RunState): readonly string[] {
  const phases = (definition.phases ?? []).flatMap(({ tools }) => tools ?? []);
  return [...definition.tools, ...agent.tools, ...phases].map(({ name }) => name);
}

interface Taken {
  readonly tools: readonly Tool[];
  readonly opened: OpenedSource;
}

function taken(
  session: Session,
  state: SourceState,
  given: Taken & { readonly now: readonly ToolSnapshot[] },
): readonly EventBody[] {
  const facts = factsOf(state, given.opened);
  session.desk?.bring(
    given.tools,
    (state.tools ?? []).map(({ name }) => name),
  );
  return [{ type: "source.opened", source: state.name, tools: given.now, ...facts }];
}

/** The journaled tools stay; what cannot be bound to them leaves the run waiting. */
function pinned(
  session: Session,
  state: SourceState,
  given: Taken & { readonly was: readonly ToolSnapshot[] },
): readonly EventBody[] {
  const facts = factsOf(state, given.opened);
  const { tools, missing } = bindTools({ tools: given.was }, given.tools, session.ports.redaction);
  session.desk?.bring([...tools.values()], []);
  const more = given.was === state.tools ? {} : { tools: given.was };
  const opened: EventBody = { type: "source.opened", source: state.name, ...more, ...facts };
  return missing.length === 0 || state.optional === true ? [opened] : [opened, { type: "tools.missing", names: missing }];
}

function factsOf(state: SourceState, opened: OpenedSource): { readonly cleanup?: JsonValue; readonly afterRun?: true } {
  const json = opened.cleanup === undefined ? undefined : toJson(opened.cleanup);
  if (json?.ok === false) throw new Error(`its cleanup descriptor is not JSON: ${json.problem}`);
  return {
    ...(json === undefined ? {} : { cleanup: json.value }),
    ...(opened.afterRun === undefined ? {} : { afterRun: true as const }),
  };
}
