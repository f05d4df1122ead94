/** How tool sources change a run. */
import type { AgentSnapshot, PhaseSnapshot, SourceSnapshot, ToolSnapshot } from "../ports/agent.ts";
import type { SourceEvent, SourceOpened } from "../ports/source-events.ts";
import type { JsonValue } from "../ports/json.ts";
import { canonical } from "./guards.ts";
import { matchesPattern } from "./patterns.ts";
import type { Draft, SourceState } from "./state.ts";

const NO_SOURCES: readonly SourceState[] = [];

export function initialSources({ sources }: AgentSnapshot): readonly SourceState[] {
  if (sources === undefined || sources.length === 0) return NO_SOURCES;
  return sources.map((source) => ({
    ...source,
    status: "unopened",
    tools: undefined,
    left: [],
    wantsEnding: false,
    settled: false,
    closed: false,
    error: undefined,
    offered: undefined,
    decision: undefined,
  }));
}

/** A changed definition may choose more of them, and others; what the run has of them it keeps, and cleans up. */
export function readoptedSources(sources: readonly SourceState[], agent: AgentSnapshot): readonly SourceState[] {
  const now = agent.sources ?? [];
  const known = sources.map((source) => {
    const wider = now.find(({ name }) => name === source.name);
    return wider === undefined || source.only === undefined || canonical(wider.only ?? null) === canonical(source.only)
      ? source
      : widened(source, { only: source.only, wider });
  });
  const added = now.filter(({ name }) => !sources.some((source) => source.name === name));
  return [...known, ...initialSources({ ...agent, sources: added })];
}

function widened(source: SourceState, given: { readonly only: readonly string[]; readonly wider: SourceSnapshot }): SourceState {
  const { only: _before, ...rest } = source;
  const { only } = given.wider;
  return { ...rest, ...(only === undefined ? {} : { only }), chosenBefore: source.chosenBefore ?? given.only };
}

export function evolveSources(next: Draft, event: SourceEvent): void {
  next.sources = next.sources.map((source) => (source.name === event.source ? evolveSource(source, event) : source));
  if (event.type === "source.opened" && event.tools !== undefined) next.agent = withTools(next);
  if (isProgress(event)) next.fruitless = 0;
}

/** That it could be opened says nothing yet: what kills the process may come just after. */
function isProgress(event: SourceEvent): boolean {
  if (event.type === "source.settled" || event.type === "source.closed") return event.error === undefined;
  return event.type === "source.decided";
}

function evolveSource(source: SourceState, event: SourceEvent): SourceState {
  switch (event.type) {
    case "source.opened":
      return opened(source, event);
    case "source.failed":
      return { ...source, status: "failed", error: event.error };
    case "source.changed": {
      const tools = event.tools ?? source.offered?.tools ?? [];
      const decision = event.tools === undefined ? source.decision : undefined;
      return { ...source, status: "changed", offered: { tools, changes: event.changes }, decision };
    }
    case "source.decided":
      return source.offered === undefined ? source : { ...source, decision: event.decision };
    case "source.settled":
      return { ...source, settled: true };
    case "source.closed":
      return { ...source, closed: true };
  }
}

function opened({ chosenBefore: _chosen, ...source }: SourceState, event: SourceOpened): SourceState {
  const { tools = source.tools ?? [], cleanup, afterRun } = event;
  const left = cleanup === undefined ? source.left : withDescriptor(source.left, cleanup);
  const wantsEnding = afterRun === true;
  const isSame = event.tools === undefined;
  return {
    ...source,
    status: "open",
    tools,
    left,
    wantsEnding,
    error: undefined,
    offered: isSame ? source.offered : undefined,
    decision: isSame ? source.decision : undefined,
  };
}

function withDescriptor(left: readonly JsonValue[], descriptor: JsonValue): readonly JsonValue[] {
  const text = canonical(descriptor);
  return left.some((known) => canonical(known) === text) ? left : [...left, descriptor];
}

/** The agent as it is now: its own tools, then those of each source in the order of the snapshot, whichever was opened first. */
function withTools({ definition, agent, phase, sources }: Draft): AgentSnapshot {
  const current = phase === undefined ? undefined : definition.phases?.[phase.index];
  return { ...agent, tools: toolsIn(definition, current, sources) };
}

/** A phase that lists tools has of the sources' what it lists, too. */
export function toolsIn(
  definition: AgentSnapshot,
  phase: PhaseSnapshot | undefined,
  sources: readonly SourceState[],
): readonly ToolSnapshot[] {
  const own = phase?.tools ?? definition.tools;
  if (sources.length === 0) return own;
  const brought = sources.flatMap(({ tools }) => tools ?? []);
  if (phase?.tools === undefined) return [...own, ...brought];
  return [...own, ...brought.filter(({ name }) => phase.fromSources?.some((pattern) => matchesPattern(pattern, name)) === true)];
}

/** A new process has the run: nothing is open there. */
export function closedByTakeover(sources: readonly SourceState[]): readonly SourceState[] {
  if (sources.length === 0) return sources;
  return sources.map((source): SourceState => ({ ...source, status: "unopened", error: undefined }));
}
