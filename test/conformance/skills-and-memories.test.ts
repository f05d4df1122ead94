/** Skills in folders and in code, and the memory of tools in files, pass the suites for them. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "vitest";
import { loadSkill } from "../../src/adapters/skills/load-skill.ts";
import { fileMemory } from "../../src/adapters/tools/mcp-memory.ts";
import type { Skill } from "../../src/ports/delegates.ts";
import * as kit from "../../src/testing/index.ts";

const api = { describe, it };

function folder(): { readonly path: string; readonly close: () => Promise<void> } {
  const path = mkdtempSync(join(tmpdir(), "executus-skills-"));
  return { path, close: async () => rmSync(path, { recursive: true, force: true }) };
}

kit.skillConformance(api, "a skill in a folder", async () => {
  const { path, close } = folder();
  const haiku = join(path, "haiku");
  mkdirSync(join(haiku, "references"), { recursive: true });
  writeFileSync(join(path, "outside.md"), "not for models\n");
  symlinkSync(join(path, "outside.md"), join(haiku, "link.md"));
  writeFileSync(
    join(haiku, "SKILL.md"),
    "---\nname: haiku\ndescription: Writes a haiku.\nmetadata:\n  by: Anna\n---\n\nThree lines.\n",
  );
  writeFileSync(join(haiku, "references/form.md"), "# Form\nfive, seven, five\nno rhymes\n");
  return {
    skill: await loadSkill(haiku),
    file: { path: "references/form.md", line: "five, seven, five" },
    remove: async () => rmSync(haiku, { recursive: true }),
    close,
  };
});
kit.skillConformance(api, "a skill in one file", async () => {
  const { path, close } = folder();
  const file = join(path, "haiku.md");
  writeFileSync(file, "Writes a haiku.\n\nThree lines.\n");
  return { skill: await loadSkill(file), remove: async () => rmSync(file), close };
});
kit.skillConformance(api, "a skill in code", async () => {
  const skill: Skill = { kind: "skill", name: "haiku", description: "Writes a haiku.", body: async () => "Three lines." };
  return { skill };
});

kit.toolMemoryConformance(api, "the memory of tools in files", async () => {
  const { path, close } = folder();
  const memory = join(path, "memory");
  return {
    memory: fileMemory(memory, "mcp__small"),
    another: async () => fileMemory(memory, "mcp__small"),
    damage: async () => writeFileSync(join(memory, "mcp__small.json"), '{"tools":[{"name":"look"}]}'),
    close,
  };
});
