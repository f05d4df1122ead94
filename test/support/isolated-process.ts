/** Runs an isolated tool that has its effect and never comes back: `node isolated-process.ts FOLDER TOOL`. */
import { join } from "node:path";
import { openSqliteStore } from "../../src/adapters/store/sqlite.ts";
import { createExecutor } from "../../src/create-executor.ts";
import { scriptedModel } from "../../src/testing/scripted-model.ts";
import { pay, settled } from "./isolated-tools.ts";
import { makeAgent } from "./world.ts";

const [folder = "", name = ""] = process.argv.slice(2);
const models = scriptedModel([{ calls: [{ name, input: { file: join(folder, "effects"), hangs: true } }] }, { text: "end" }]);
await using store = openSqliteStore({ file: join(folder, "runs.db") });
await using executor = createExecutor({ models, store });
await executor.run(makeAgent([pay, settled]), { input: "go", id: "r" });
