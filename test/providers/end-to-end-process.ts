/**
 * Runs an agent over a real provider package, or goes on with the run that is there. Its tool appends lines to a file; the call
 * that it is told to hold never comes back, either before or after its line is written, which is said on stdout.
 */
import { appendFile, readFile } from "node:fs/promises";
import { openFolderBlobs } from "../../src/adapters/blobs/folder.ts";
import { openSqliteStore } from "../../src/adapters/store/sqlite.ts";
import { createExecutor, createModels, defineAgent, defineTool } from "../../src/index.ts";

export interface ProcessOptions {
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `provider/model`. */
  readonly model: string;
  readonly run: string;
  /** Which of this process's executions never comes back, counted from 1. */
  readonly hold: number;
  readonly when: "before" | "after";
}

const { folder, env, model, run, hold, when } = JSON.parse(process.argv[2] ?? "") as ProcessOptions;
const lines = `${folder}/lines.txt`;
let executions = 0;

const appendLine = defineTool({
  name: "append_line",
  description: "Appends a line to the file.",
  input: { type: "object", properties: { line: { type: "string" } }, required: ["line"] },
  concurrency: 3,
  async execute({ line }, { call }) {
    const isHeld = ++executions === hold;
    if (isHeld && when === "before") await forever();
    await appendFile(lines, `${call} ${line}\n`);
    if (isHeld) await forever();
    return `appended ${line}`;
  },
  async reconcile({ line }, { call }) {
    const written = await readFile(lines, "utf8").catch(() => "");
    const isDone = written.split("\n").some((entry) => entry.startsWith(`${call} `));
    return isDone ? { outcome: "done", result: `appended ${line}` } : { outcome: "not-done" };
  },
});

function forever(): Promise<never> {
  console.log("held");
  return new Promise(() => {});
}

const agent = defineAgent({ name: "writer", instructions: "Write the lines.", model, tools: [appendLine] });
const blobs = openFolderBlobs(`${folder}/blobs`);
await using store = openSqliteStore({ file: `${folder}/executus.db` });
await using executor = createExecutor({ models: createModels({ env, tiers: {}, blobs }), agents: [agent], store, blobs });
const { resumed } = await executor.recover();
const handle =
  resumed[0] ?? (await executor.start(agent, { input: "Write eight lines.", id: run, limits: { recoveries: 1000 } }));
const { status, output, toolErrors, usage } = await handle.result;
console.log(JSON.stringify({ status, output, toolErrors, usage }));
