/** What is different about the tools that a source offers. */
import { canonical } from "../kernel/guards.ts";
import type { SourceSnapshot, ToolSnapshot } from "../ports/agent.ts";
import type { Core } from "./core.ts";

export interface ToolChanges {
  /** One line for each difference that a model or a recovery could notice. */
  readonly changes: string[];
  /** One line for each new tool. */
  readonly added: readonly string[];
  /** Nothing changed, and nothing is new. */
  readonly isSame: boolean;
}

/** A new tool is no change of those that the run knows: it is not shown until the others are adopted with it. */
export function compareTools(was: readonly ToolSnapshot[], now: readonly ToolSnapshot[]): ToolChanges {
  const changes: string[] = [];
  for (const before of was) {
    const after = now.find(({ name }) => name === before.name);
    if (after === undefined) changes.push(`${before.name} is gone`);
    else changes.push(...differences(before, after).map((what) => `${before.name} has another ${what}`));
  }
  const added = now.filter(({ name }) => !was.some((before) => before.name === name)).map(({ name }) => `${name} is new`);
  return { changes, added, isSame: changes.length === 0 && added.length === 0 };
}

export interface ChosenAnew {
  /** One line for each choice. */
  readonly changes: readonly string[];
  /** What the run would have of sources then. */
  readonly sources: readonly SourceSnapshot[];
}

/**
 * What a changed definition chooses of sources beyond what the run has. Nothing is taken away: the run has opened them, and the request
 * may have named them. A source that every run has by now was not chosen by anybody.
 */
export function chosenAnew(
  { config }: Pick<Core, "config">,
  was: readonly SourceSnapshot[],
  now: readonly SourceSnapshot[],
): ChosenAnew {
  const changes: string[] = [];
  const isForAll = (name: string): boolean =>
    config.sources?.some((source) => source.name === name && source.everyRun === true) === true;
  const sources = was.map((before) => {
    const after = now.find(({ name }) => name === before.name);
    if (after === undefined || before.only === undefined) return before;
    const known = before.only;
    const more = after.only?.filter((tool) => !known.includes(tool)) ?? ["every tool"];
    changes.push(...more.map((tool) => `${tool} of the tool source ${before.name} is chosen`));
    return more.length === 0 ? before : withChoice(before, after.only === undefined ? undefined : [...known, ...more]);
  });
  for (const source of now) {
    if (was.some(({ name }) => name === source.name) || (source.only === undefined && isForAll(source.name))) continue;
    changes.push(...(source.only ?? ["every tool"]).map((tool) => `${tool} of the tool source ${source.name} is chosen`));
    sources.push(source);
  }
  return { changes, sources };
}

function withChoice({ only: _before, ...source }: SourceSnapshot, only: readonly string[] | undefined): SourceSnapshot {
  return only === undefined ? source : { ...source, only };
}

function differences(before: ToolSnapshot, after: ToolSnapshot): readonly string[] {
  const different: string[] = [];
  if (before.description !== after.description) different.push("description");
  if (canonical(before.inputSchema) !== canonical(after.inputSchema)) different.push("input schema");
  if (before.effect !== after.effect) different.push(`effect class (${before.effect}, now ${after.effect})`);
  return different;
}
