/** Runs the stocktake example in the current folder, or goes on with the run that is there; says every event's number. */
import { createExecutor, loadAgent } from "../../src/index.ts";
import { openSqliteStore } from "../../src/adapters/store/sqlite.ts";
import { scriptedModels } from "../../examples/stocktake/script.ts";

const { agent, input = "" } = await loadAgent(process.argv[2] ?? "");
await using store = openSqliteStore({ file: ".executus/executus.db" });
await using executor = createExecutor({ models: scriptedModels(1), agents: [agent], store });
const { resumed } = await executor.recover();
const run = resumed[0] ?? (await executor.start(agent, { input, id: "run_may", limits: { recoveries: 1_000 } }));
for await (const event of run.events()) console.log(event.seq);
const { status, output } = await run.result;
console.log(JSON.stringify({ status, output }));
