/**
 * A run with something large in it, on SQLite: `node large-process.ts FOLDER result|calls|prompt|events [resume]`. Says how it stands,
 * how much memory the process has had at most, for how long its event loop stood still at most, and how long it took.
 */
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { openSqliteStore } from "../../src/adapters/store/sqlite.ts";
import { createExecutor } from "../../src/create-executor.ts";
import { type Script, scriptedModel } from "../../src/testing/scripted-model.ts";
import { makeAgent, makeTool } from "./world.ts";

const [folder = "", what = "", resume] = process.argv.slice(2);
const MB = 1_000_000;

/** Steps before the last one, and the calls of each; the call that closes waits for a person. */
const STEPS = { result: 1, calls: 1, prompt: 0, events: 580 }[what] ?? 0;
const CALLS = { result: 1, calls: 2_000, prompt: 0, events: 8 }[what] ?? 0;

let runs = 0;
const work = makeTool("work", async () => (runs++, what === "result" ? "x".repeat(64 * MB) : "done"));
const ask = makeTool("ask", async (_input, context) => context.ask("Go on?"));
const agent = makeAgent([work, ask], { maxSteps: 10_000, timeMs: Infinity, compactionRatio: Infinity });
const script: Script = ({ step }) => {
  if (step < STEPS) return { calls: Array.from({ length: CALLS }, (_, n) => ({ name: "work", input: { step, n } })) };
  return step === STEPS ? { calls: [{ name: "ask" }] } : { text: "end" };
};

const RESOLUTION_MS = 5;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();
await new Promise((resolve) => setTimeout(resolve, 10 * RESOLUTION_MS));
// What loading the program took is not a stall of a run. The first delay after a reset is not counted.
delay.reset();
await new Promise((resolve) => setTimeout(resolve, 4 * RESOLUTION_MS));
const from = performance.now();
await using store = openSqliteStore({ file: join(folder, "runs.db") });
await using executor = createExecutor({ models: scriptedModel(script), store, agents: [agent] });
const input = what === "prompt" ? "p".repeat(5 * MB) : "go";
if (resume !== undefined) await executor.send("r", { kind: "answer", question: `r:${STEPS}.0`, answer: "yes" });
const handle =
  resume === undefined ? await executor.start(agent, { id: "r", input, unguarded: true }) : await executor.resume("r");
const takenMs = Math.round(performance.now() - from);
const { status } = await handle.result;
const tookMs = Math.round(performance.now() - from);
// A stall that is going on is counted once it is over.
await new Promise((resolve) => setTimeout(resolve, 2 * RESOLUTION_MS));
const stallMs = Math.round(delay.max / 1e6);
const events = (await store.runs.get("r"))?.seq ?? 0;
const megabytes = Math.round(process.resourceUsage().maxRSS / 1_024);
console.log(JSON.stringify({ status, runs, events, megabytes, stallMs, takenMs, tookMs }));
