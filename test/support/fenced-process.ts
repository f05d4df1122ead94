/** Drives runs until it is stopped, and says what became of them: FILE EFFECTS RUNS PREFIX. */
import { createExecutor } from "../../src/create-executor.ts";
import { openSqliteStore } from "../../src/adapters/store/sqlite.ts";
import { fenceAgent, fenceModels } from "./fence-agent.ts";

const [file = "", effects = "", runs = "1", prefix = "r"] = process.argv.slice(2);

const store = openSqliteStore({ file, heartbeatMs: 100 });
const executor = createExecutor({ models: fenceModels(), store });
const agent = fenceAgent(effects);
const handles = await Promise.all(
  Array.from({ length: Number(runs) }, (_, i) => executor.start(agent, { id: `${prefix}-${i}`, input: "go" })),
);
console.log("started");
const results = await Promise.all(handles.map(({ result }) => result));
console.log(JSON.stringify({ fenced: results.filter(({ error }) => error?.code === "run_owned").map(({ run }) => run) }));
