/** How a thread finds the tool that it was started for: by importing its module, whose tools tell their names here. */
import type { Tool } from "../../ports/tools.ts";

/** Registered by name, so that a module that imports another copy of this package is understood too. */
const TOOLS = Symbol.for("executus.isolated");

type Tools = Map<string, Tool>;

/** Undefined everywhere but in a thread of isolated tools. */
export function toolsOfThisThread(): Tools | undefined {
  return (globalThis as { [TOOLS]?: Tools })[TOOLS];
}

/** From now on isolated tools that are defined in this thread run in it. */
export function openRegistry(): Tools {
  const tools: Tools = new Map();
  Object.defineProperty(globalThis, TOOLS, { value: tools });
  return tools;
}

export function keyOf(module: string, name: string): string {
  return `${name} ${module}`;
}
