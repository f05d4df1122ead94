import { readdir } from "node:fs/promises";
import { basename, extname, join, resolve } from "node:path";
import { ExecutusError } from "../../kernel/errors.ts";
import type { Agent } from "../../ports/definition.ts";
import type { Delegate, Delegates, Skill } from "../../ports/delegates.ts";
import { loadAgent } from "../agents/load-agent.ts";
import { settleNames } from "../agents/tool-names.ts";
import { findSkills, type FoundSkill, type SkillPlaces } from "../skills/find-skills.ts";
import { settleName, withoutPrefix } from "./list.ts";

export interface DelegateFolders extends SkillPlaces {
  /** Folders of agent files, the first first. Default: none. */
  readonly agents?: readonly string[];
  /**
   * Whether skills of the project may be used: their text tells the model what to do. Default false, which refuses them by name
   * (`skill_untrusted`).
   */
  readonly trust?: boolean | ((skill: Skill) => boolean | Promise<boolean>);
  /** Names of the registered tools: well-known tools of other programs in agent files are read as these. */
  readonly tools?: readonly string[];
}

const EXTENSIONS = [".md", ".ts", ".js", ".mts", ".mjs"];

/**
 * A palette from folders of Markdown: agents by the name of their file, skills from `.agents/skills` of the project and of the
 * person. Folders are looked through with the first name that is asked for. `resolve` rejects with `delegate_unknown`,
 * `agent_invalid`, `skill_invalid` or `skill_untrusted`.
 *
 * @example
 * const delegates = delegatesInFolders({ agents: ["agents"], project: ".", trust: true });
 */
export function delegatesInFolders(folders: DelegateFolders): Delegates {
  let looked: Promise<Found> | undefined;
  const look = (): Promise<Found> => (looked ??= lookThrough(folders));
  return {
    resolve: async (wanted) => {
      const found = await look();
      return Promise.all(wanted.map((name) => load(folders, found, settleName(name, namesOf(found)))));
    },
    names: async () => namesOf(await look()),
  };
}

interface Found {
  /** Files by name. */
  readonly agents: ReadonlyMap<string, string>;
  readonly skills: ReadonlyMap<string, FoundSkill>;
}

function namesOf({ agents, skills }: Found): readonly string[] {
  return [...[...agents.keys()].map((name) => `agent__${name}`), ...[...skills.keys()].map((name) => `skill__${name}`)];
}

async function lookThrough(folders: DelegateFolders): Promise<Found> {
  const agents = new Map<string, string>();
  for (const folder of folders.agents ?? []) {
    const names = (await readdir(folder).catch((): string[] => [])).toSorted((a, b) => (a < b ? -1 : 1));
    for (const name of names.filter((file) => EXTENSIONS.includes(extname(file)))) {
      const stem = basename(name, extname(name));
      if (!agents.has(stem)) agents.set(stem, resolve(join(folder, name)));
    }
  }
  return { agents, skills: await findSkills(folders) };
}

async function load(folders: DelegateFolders, { agents, skills }: Found, full: string): Promise<Delegate> {
  const name = withoutPrefix(full);
  const file = full.startsWith("agent__") ? agents.get(name) : undefined;
  if (file !== undefined) return agentFrom(file, folders);
  const found = skills.get(name);
  if (found === undefined) throw new ExecutusError("delegate_unknown", `There is no delegate named ${full}.`);
  await checkTrust(folders, found);
  return found.skill;
}

/** The tools that a module brings for its agent are its own; other names are looked up when its run starts. */
async function agentFrom(file: string, { tools: registered, onWarning }: DelegateFolders): Promise<Agent> {
  const { agent, tools, warnings } = await loadAgent(file);
  for (const warning of warnings) onWarning?.(warning);
  checkMode(file, agent);
  const named = (agent.tools ?? []).filter((tool) => typeof tool === "string");
  const own = (agent.tools ?? []).filter((tool) => typeof tool !== "string");
  if (named.length === 0) return agent;
  const { names, absent } = settleNames(named, [...(registered ?? []), ...tools.map(({ name }) => name)]);
  if (absent.length > 0) onWarning?.(`${file}: there is nothing here for ${absent.join(", ")}; the agent goes without`);
  return { ...agent, tools: [...own, ...names.map((name) => tools.find((tool) => tool.name === name) ?? name)] };
}

function checkMode(file: string, { name, mode, disabled }: Agent): void {
  if (mode !== "primary" && disabled !== true) return;
  const field = disabled === true ? "disable: true" : "mode: primary";
  throw new ExecutusError("delegate_unknown", `the agent ${name} takes no work from other agents: its file says \`${field}\``, {
    file,
    hint: "Change that, or leave it out of the delegates.",
  });
}

async function checkTrust({ trust = false }: DelegateFolders, { skill, from }: FoundSkill): Promise<void> {
  if (from === "home") return;
  if (typeof trust === "boolean" ? trust : await trust(skill)) return;
  const source = skill.source ?? skill.name;
  throw new ExecutusError("skill_untrusted", `the skill ${skill.name} comes with this project (${source}) and is not trusted`, {
    file: source,
    hint: "Read it, then allow it: `trust` in code, --trust-skills on the command line.",
  });
}
