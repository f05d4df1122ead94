/**
 * Writes the golden journals of this version: one file per scenario, every event type among them. Golden files of a released
 * version are never written again; a new version of an event gets new files.
 *
 *   node --conditions=executus-source scripts/make-golden.ts
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { goldenScenarios } from "../test/support/golden-scenarios.ts";
import { viewOf } from "../test/support/golden-view.ts";

const folder = join(import.meta.dirname, "../test/golden/v0.1");
mkdirSync(folder, { recursive: true });
for (const [name, play] of Object.entries(goldenScenarios)) {
  const events = await play();
  const lines = events.map((event) => JSON.stringify(event)).join("\n");
  writeFileSync(join(folder, `${name}.jsonl`), `${lines}\n`);
  writeFileSync(join(folder, `${name}.view.json`), `${JSON.stringify(viewOf(events), null, 1)}\n`);
  console.log(name, events.length, [...new Set(events.map((event) => event.type))].join(" "));
}
process.exit(0);
