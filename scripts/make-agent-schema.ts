/**
 * Writes `agent.schema.json`, the JSON Schema of an agent file's frontmatter that is published with the package.
 *
 *   node --conditions=executus-source scripts/make-agent-schema.ts
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { agentFileSchema } from "../src/adapters/agents/json-schema.ts";

writeFileSync(join(import.meta.dirname, "../agent.schema.json"), `${JSON.stringify(agentFileSchema(), null, 2)}\n`);
