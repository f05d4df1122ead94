/** What a tool source offered to earlier runs, where it remembers that. */
import { matchesPattern } from "../kernel/patterns.ts";
import type { SourceState } from "../kernel/state.ts";
import type { ToolSnapshot } from "../ports/agent.ts";
import type { EventBody } from "../ports/events.ts";
import type { OpenedSource, ToolSource } from "../ports/tool-source.ts";
import type { Tool } from "../ports/tools.ts";
import type { Session } from "./session.ts";
import { compareTools } from "./source-changes.ts";
import { snapshotTool, snapshotWithOptions } from "./toolbox.ts";

export interface Offer {
  readonly source: ToolSource;
  readonly opened: OpenedSource;
  /** What it brought. */
  readonly tools: readonly Tool[];
  readonly remembered: readonly ToolSnapshot[] | undefined;
}

export function isWanted({ only }: Pick<SourceState, "only">, name: string): boolean {
  return only?.some((pattern) => matchesPattern(pattern, name)) ?? true;
}

/** It is chosen since the definition changed: no opening has brought it yet. */
export function isNewlyChosen({ chosenBefore }: SourceState, name: string): boolean {
  return chosenBefore !== undefined && !isWanted({ only: chosenBefore }, name);
}

/** Asked only when it matters: before a run's first opening, when it chooses more, and when a person has decided for other tools. */
export async function recall(
  session: Session,
  { tools, decision, chosenBefore }: SourceState,
  { memory }: ToolSource,
): Promise<readonly ToolSnapshot[] | undefined> {
  if (memory === undefined || (tools !== undefined && decision !== "adopt" && chosenBefore === undefined)) return undefined;
  try {
    return await memory.recall();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`the tools that it had in earlier runs are not known: ${why}`, { cause: error });
  }
}

/** What a new run begins with: the tools it wants, as they were when somebody took them. */
export function begunWith(
  session: Session,
  state: SourceState,
  remembered: readonly ToolSnapshot[] | undefined,
): readonly ToolSnapshot[] | undefined {
  const { polling = [], toolOptions = {} } = session.state.definition;
  return remembered
    ?.filter(({ name }) => isWanted(state, name))
    .map((tool): ToolSnapshot => {
      const isPolling = tool.polling === true || polling.some((pattern) => matchesPattern(pattern, tool.name));
      const known: ToolSnapshot = { ...tool, ...(isPolling ? { polling: true } : {}), source: state.name };
      return snapshotWithOptions(known, toolOptions[tool.name]);
    });
}

/**
 * What the run took is what later runs begin with. The first time that is all there is; after that only tools that this run wanted,
 * because nobody was shown the others.
 */
export async function remember(session: Session, events: readonly EventBody[], offer: Offer): Promise<void> {
  const { source, tools, remembered } = offer;
  const state = session.state.sources.find(({ name }) => name === source.name);
  const taken = events.find((event) => event.type === "source.opened")?.tools;
  if (source.memory === undefined || state === undefined || taken === undefined) return;
  const offered = tools.map((tool) => snapshotTool(tool, []));
  const wanted = offered.filter(({ name }) => isWanted(state, name));
  // What this agent says of them is its own: other runs have the tools as they are.
  const { toolOptions = {} } = session.state.definition;
  const asTaken = wanted.map((tool) => snapshotWithOptions(tool, toolOptions[tool.name]));
  if (!compareTools(taken, asTaken).isSame) return;
  const kept = remembered?.filter(({ name }) => !isWanted(state, name));
  const list = kept === undefined ? offered : [...kept, ...wanted];
  if (remembered === undefined || !compareTools(remembered, list).isSame) await source.memory.remember(list);
}
