/** A skill in a folder: its description is in the prompt, its instructions and files are read when they are needed. */
import { mkdirSync, writeFileSync } from "node:fs";
import { createExecutor, defineAgent } from "executus";
import { loadSkill } from "executus/delegates";
import { scriptedModel } from "executus/testing";

mkdirSync("skills/haiku/references", { recursive: true });
writeFileSync(
  "skills/haiku/SKILL.md",
  "---\nname: haiku\ndescription: Writes haiku. Use it for short poems.\n---\nThree lines. Count as in references/count.md.\n",
);
writeFileSync("skills/haiku/references/count.md", "5, 7, 5 syllables.\n");

const poet = defineAgent({ name: "poet", instructions: "Write poems.", delegates: [await loadSkill("skills/haiku")] });
const models = scriptedModel([
  { calls: [{ name: "skill__haiku" }] },
  { calls: [{ name: "skill__haiku", input: { file: "references/count.md" } }] },
  { text: "An old silent pond" },
]);

await using executor = createExecutor({ models });
const result = await executor.run(poet, "A poem about a pond.");
for (const { calls } of result.steps) for (const call of calls) console.log(call.name, JSON.stringify(call.output));
console.log(result.output);
