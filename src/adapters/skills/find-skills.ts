/** Where skills are looked for, and which of two with one name is meant. */
import { readdir } from "node:fs/promises";
import { homedir } from "node:os";
import { extname, join } from "node:path";
import { existsSync } from "node:fs";
import { isExecutusError } from "../../kernel/errors.ts";
import type { Skill } from "../../ports/delegates.ts";
import { loadSkill, SKILL_FILE } from "./load-skill.ts";

export interface SkillPlaces {
  /** Its `.agents/skills` is looked through. Default: none. */
  readonly project?: string;
  /** The same for a person. Default: the home folder; `false`: none. */
  readonly home?: string | false;
  /** Also look through `.claude/skills` of both. Default false. */
  readonly claude?: boolean;
  readonly onWarning?: (message: string) => void;
}

export interface FoundSkill {
  readonly skill: Skill;
  /** Whoever wrote the project wrote it: it is used only when somebody says so. */
  readonly from: "project" | "home";
}

/** By name; the project's before the person's. A skill that cannot be read is left out with a warning. */
export async function findSkills(places: SkillPlaces): Promise<ReadonlyMap<string, FoundSkill>> {
  const { project, home = homedir(), claude = false, onWarning = () => {} } = places;
  const bases = [
    { from: "project", base: project },
    { from: "home", base: home === false ? undefined : home },
  ] as const;
  const below = claude ? [".agents/skills", ".claude/skills"] : [".agents/skills"];
  const found = new Map<string, FoundSkill>();
  for (const { from, base } of bases) {
    const folders = base === undefined ? [] : below.map((folder) => join(base, folder));
    for (const skill of (await Promise.all(folders.map((folder) => skillsIn(folder, onWarning)))).flat()) {
      const other = found.get(skill.name)?.skill.source;
      if (other === undefined) found.set(skill.name, { skill, from });
      else onWarning(`${skill.source ?? ""}: there is a skill named ${skill.name} in ${other} already, which is used`);
    }
  }
  return found;
}

/** Folders with a `SKILL.md`, and plain Markdown files. */
async function skillsIn(folder: string, onWarning: (message: string) => void): Promise<readonly Skill[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const skills: Skill[] = [];
  for (const { name } of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, name);
    if (extname(name) !== ".md" && !existsSync(join(path, SKILL_FILE))) continue;
    try {
      skills.push(await loadSkill(path));
    } catch (error) {
      if (!isExecutusError(error)) throw error;
      onWarning(`${error.message} ${error.hint ?? ""} The skill is left out.`);
    }
  }
  return skills;
}
