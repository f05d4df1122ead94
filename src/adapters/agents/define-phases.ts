/** Checks the phases of an agent: their names, and what their templates refer to. */
import { nearest } from "../../kernel/errors.ts";
import { namesIn } from "../../kernel/templates.ts";
import type { Agent, Phase } from "../../ports/definition.ts";
import { invalid } from "./invalid-agent.ts";

const NAME = /^[A-Za-z][\w-]{0,63}$/;
/** What is there without any phase. */
const ALWAYS = ["Input", "Instructions"];

type CheckTools = (tools: Phase["tools"], path: string) => void;

/** After their fields were checked one by one. */
export function checkPhases(agent: Agent, checkTools: CheckTools): void {
  const names: string[] = [];
  for (const [index, phase] of (agent.phases ?? []).entries()) {
    const { name, tools } = phase;
    const path = `phases[${index}]`;
    if (!NAME.test(name)) {
      const hint = "Use a letter, then up to 63 letters, digits, underscores and hyphens.";
      throw invalid(agent, `\`${path}.name\` is ${JSON.stringify(name)}`, hint);
    }
    if (ALWAYS.includes(name))
      throw invalid(agent, `\`${path}\` is named ${name}`, `\`{{${name}}}\` has a meaning of its own: rename the phase.`);
    if (names.includes(name)) throw invalid(agent, `it has two phases named ${name}`, "Rename one of them.");
    checkTools(tools, `${path}.tools`);
    names.push(name);
  }
  for (const [index, phase] of (agent.phases ?? []).entries()) checkTemplates(agent, phase, { names, index });
}

/** A misspelt name would put braces before the model, and nobody would hear of it. */
function checkTemplates(
  agent: Agent,
  phase: Phase,
  { names, index }: { readonly names: readonly string[]; readonly index: number },
): void {
  const known = [...ALWAYS, ...names.slice(0, index)];
  for (const key of ["instructions", "input"] as const) {
    const unknown = namesIn(phase[key] ?? "").find((name) => !known.includes(name));
    if (unknown === undefined) continue;
    const where = `\`{{${unknown}}}\` in the ${key} of the phase ${phase.name}`;
    if (names.includes(unknown)) {
      const which = unknown === phase.name ? "is that phase itself" : "is a phase that comes later";
      throw invalid(agent, `${where} ${which}`, `There are ${list(known)}. Change the order of the phases, or the name.`);
    }
    const near = nearest(unknown, known);
    const hint = `${near === undefined ? "" : `Did you mean \`{{${near}}}\`? `}There are ${list(known)}; \`\\{{${unknown}}}\` stands for itself.`;
    throw invalid(agent, `${where} is not a name of an earlier phase`, hint);
  }
}

function list(names: readonly string[]): string {
  return names.map((name) => `\`{{${name}}}\``).join(", ");
}
