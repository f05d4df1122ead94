import { ExecutusError, nearest } from "../../kernel/errors.ts";
import type { Tool, Tools } from "../../ports/tools.ts";

/**
 * A registry of tools in code. An agent gets a tool by naming it; `private` ones are never listed. Throws ExecutusError
 * `tool_duplicate` when two tools have one name; `resolve` rejects with `tool_unknown` for a name that is not there.
 *
 * @example
 * const executor = createExecutor({ models, tools: createTools([weather, ...fileTools({ root: "notes" })]) });
 */
export function createTools(tools: readonly Tool[]): Tools {
  const byName = new Map<string, Tool>();
  for (const tool of tools) {
    if (byName.has(tool.name)) throw duplicate(tool.name);
    byName.set(tool.name, tool);
  }
  const names = tools.filter((tool) => tool.visibility === "public").map((tool) => tool.name);
  return {
    resolve: async (wanted) => {
      if (new Set(wanted).size !== wanted.length) throw duplicate(wanted.find((name, i) => wanted.indexOf(name) !== i) ?? "");
      return wanted.map((name) => byName.get(name) ?? unknown(name, names));
    },
    names: () => names,
  };
}

function duplicate(name: string): ExecutusError {
  return new ExecutusError("tool_duplicate", `There are two tools named ${name}.`, {
    hint: "Rename or leave out one of them: the model calls a tool by its name.",
  });
}

function unknown(name: string, names: readonly string[]): never {
  const near = nearest(name, names);
  const known = names.length === 0 ? "No tools are registered." : `Registered tools: ${names.join(", ")}.`;
  throw new ExecutusError("tool_unknown", `There is no tool named ${name}.`, {
    hint: near === undefined ? known : `Did you mean ${near}? ${known}`,
  });
}
