/** What is different about the tools that a source offers. */
import { canonical } from "../kernel/guards.ts";
import type { ToolSnapshot } from "../ports/agent.ts";

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

function differences(before: ToolSnapshot, after: ToolSnapshot): readonly string[] {
  const different: string[] = [];
  if (before.description !== after.description) different.push("description");
  if (canonical(before.inputSchema) !== canonical(after.inputSchema)) different.push("input schema");
  if (before.effect !== after.effect) different.push(`effect class (${before.effect}, now ${after.effect})`);
  return different;
}
