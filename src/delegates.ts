/** executus/delegates: palettes of agents and skills, and how skills are read from files. */
export { createDelegates } from "./adapters/delegates/list.ts";
export { type DelegateFolders, delegatesInFolders } from "./adapters/delegates/folders.ts";
export { loadSkill, type SkillOptions } from "./adapters/skills/load-skill.ts";
export type { Delegate, Delegates, Skill, SkillFiles } from "./ports/delegates.ts";
