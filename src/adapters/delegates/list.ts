import { ExecutusError, nearest } from "../../kernel/errors.ts";
import type { Delegate, Delegates } from "../../ports/delegates.ts";

/**
 * A palette of agents and skills in code, to be named in an agent's `delegates`. Throws ExecutusError `delegate_duplicate` when two
 * of them have one name; `resolve` rejects with `delegate_unknown` for a name that is not there.
 *
 * @example
 * const executor = createExecutor({ models, delegates: createDelegates([researcher, await loadSkill("skills/pdf")]) });
 */
export function createDelegates(delegates: readonly Delegate[]): Delegates {
  const byName = new Map<string, Delegate>();
  for (const delegate of delegates) {
    const name = fullName(delegate);
    if (byName.has(name)) throw duplicate(name);
    byName.set(name, delegate);
  }
  const names = [...byName.keys()];
  return {
    resolve: async (wanted) => wanted.map((name) => byName.get(settleName(name, names)) as Delegate),
    names: async () => names,
  };
}

/** With its prefix, as it stands in a palette. */
export function fullName(delegate: Delegate): string {
  return `${"kind" in delegate ? "skill" : "agent"}__${delegate.name}`;
}

/** `x` is the agent or the skill of that name, if there is only one of them. Throws `delegate_unknown`, naming the nearest. */
export function settleName(name: string, names: readonly string[]): string {
  const found = names.includes(name) ? [name] : [`agent__${name}`, `skill__${name}`].filter((full) => names.includes(full));
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  if (only !== undefined) {
    const hint = `Write agent__${name} or skill__${name}.`;
    throw new ExecutusError("delegate_unknown", `${name} is the name of an agent and of a skill`, { hint });
  }
  throw unknownDelegate(name, names);
}

function unknownDelegate(name: string, names: readonly string[]): ExecutusError {
  const prefix = /^(agent|skill)__/.exec(name)?.[0] ?? "";
  const near = nearest(name, prefix === "" ? [...names, ...names.map(withoutPrefix)] : names);
  const known = names.length === 0 ? "There are no delegates." : `Delegates there are: ${names.slice(0, 20).join(", ")}.`;
  return new ExecutusError("delegate_unknown", `There is no delegate named ${name}.`, {
    hint: near === undefined ? known : `Did you mean ${near}? ${known}`,
  });
}

export function withoutPrefix(name: string): string {
  return name.replace(/^(agent|skill)__/, "");
}

function duplicate(name: string): ExecutusError {
  return new ExecutusError("delegate_duplicate", `There are two delegates named ${name}.`, {
    hint: "Rename or leave out one of them: the model calls a delegate by its name.",
  });
}
