/** Loads an agent and prints what came of it, as JSON. */
import { loadAgent } from "../../src/adapters/agents/module.ts";
import { isExecutusError } from "../../src/kernel/errors.ts";

try {
  const { tools, models, ...loaded } = await loadAgent(process.argv[2] ?? "");
  console.log(JSON.stringify({ ...loaded, tools: tools.map(({ name }) => name), models: models !== undefined }));
} catch (error) {
  if (!isExecutusError(error)) throw error;
  console.log(JSON.stringify({ error: `${error.code}: ${error.message} ${error.hint}` }));
}
