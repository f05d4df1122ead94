/** What a tenant may use in a day: held across runs, with a last word when it is used up. */
import { createExecutor, defineAgent, defineTool } from "executus";
import { openSqliteStore } from "executus/sqlite";
import { scriptedModel } from "executus/testing";

const look = defineTool({
  name: "look",
  description: "Look at a page.",
  input: { type: "object", properties: { page: { type: "number" } } },
  effect: "read",
  execute: ({ page }) => `page ${page ?? 1}`,
});
const agent = defineAgent({ name: "reader", instructions: "Read all pages.", tools: [look] });

const price = { input: 1, output: 4, asOf: "2026-01-01" }; // US dollars per million tokens
const models = scriptedModel(
  ({ step, toolChoice }) => ({
    usage: { inputTokens: 2_000, outputTokens: 100 },
    ...(toolChoice === "none" ? { text: `I read ${step} pages.` } : { calls: [{ name: "look", input: { page: step + 1 } }] }),
  }),
  { price },
);

await using store = openSqliteStore({ file: "runs.db" });
await using executor = createExecutor({ models, store, budgets: [{ per: "tenant", window: "day", limit: { usd: 0.01 } }] });
for (const tenant of ["acme", "acme", "globex"]) {
  const { status, output, error } = await executor.run(agent, { input: "Read.", tenant });
  console.log(tenant, status, output || error?.code);
}
for (const { name, used, limit } of await executor.budgets()) console.log(name, `$${used.usd} of $${limit.usd}`);
