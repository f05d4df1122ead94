/** Tools whose code runs in a thread of its own, which can be ended when it does not end by itself. */
import { realpathSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { KeptBetweenCalls, Tool, ToolContext } from "../../ports/tools.ts";
import { invalid } from "./input-schema.ts";
import type { Work } from "./isolated-messages.ts";
import { keyOf, toolsOfThisThread } from "./isolated-registry.ts";
import type { ThreadPool } from "./isolated-threads.ts";

/** Where the module is, and what its threads may use. */
export interface Isolation {
  /** `import.meta.url` of the module that makes the tool at its top level. A thread imports that module once more. */
  readonly module: string | URL;
  /** Threads at once in this process, each busy with one call. It is also the default of `concurrency`. Default 4. */
  readonly threads?: number;
  /** Heap of a thread, MB of 1,048,576 bytes; buffers are not counted. A call that needs more fails. Default 512. */
  readonly memoryMb?: number;
}

const THREADS = 4;
const MEMORY_MB = 512;

/** In a thread it is the tool itself, elsewhere one that calls it there; the tool itself without `isolated`. Throws `tool_invalid`. */
export function isolate(tool: Tool, isolated: string | URL | Isolation | undefined): Tool {
  if (isolated === undefined) return tool;
  const { module: given, threads = THREADS, memoryMb = MEMORY_MB } = toIsolation(tool.name, isolated);
  const module = checkModule(tool.name, given);
  positive(tool.name, "threads", threads);
  positive(tool.name, "memoryMb", memoryMb);
  const here = toolsOfThisThread();
  if (here !== undefined) {
    here.set(keyOf(module, tool.name), tool);
    return tool;
  }
  checkNotMain(tool.name, module);
  let pool: Promise<ThreadPool> | undefined;
  const call = async (work: Work, given: readonly unknown[], context: ToolContext): Promise<unknown> => {
    // Whoever never calls such a tool loads nothing for it.
    pool ??= import("./isolated-threads.ts").then(
      ({ ThreadPool }) => new ThreadPool({ name: tool.name, module, threads, memoryMb }),
    );
    return (await pool).call(work, given, context);
  };
  let users = 0;
  const keeps: KeptBetweenCalls = {
    use: () => {
      users++;
      return () => {
        users--;
        // The threads are the process's: another executor may be about to use them.
        if (users === 0) void pool?.then((opened) => opened.endIdle());
      };
    },
  };
  return {
    concurrency: threads,
    ...tool,
    keeps,
    execute: (input, context) => call("execute", [input], context),
    ...(tool.resume && { resume: (input, wake, context) => call("resume", [input, wake], context) }),
    ...(tool.reconcile && {
      reconcile: (input, context) => call("reconcile", [input], context) as ReturnType<NonNullable<Tool["reconcile"]>>,
    }),
  };
}

function toIsolation(name: string, isolated: unknown): Isolation {
  if (typeof isolated === "string" || isolated instanceof URL) return { module: isolated };
  if (typeof isolated === "object" && isolated !== null && "module" in isolated) {
    const unknown = Object.keys(isolated).find((key) => !["module", "threads", "memoryMb"].includes(key));
    if (unknown === undefined) return isolated as Isolation;
    throw invalid(name, `\`isolated.${unknown}\` is not a field`, "Known fields: module, threads, memoryMb.");
  }
  throw invalid(name, `\`isolated\` is ${JSON.stringify(isolated)}`, HINT);
}

const HINT =
  "Write `isolated: import.meta.url` in the module that makes the tool, or { module: import.meta.url, memoryMb: 256 }.";

function checkModule(name: string, module: unknown): string {
  const url = module instanceof URL ? module : URL.parse(String(module));
  if (url?.protocol === "file:") return url.href;
  throw invalid(name, `its module ${JSON.stringify(module)} is not the URL of a file`, HINT);
}

/** A thread that imports the program itself would run the program again. */
function checkNotMain(name: string, module: string): void {
  const main = process.argv[1];
  if (main === undefined || !isSame(main, module)) return;
  const hint = "Move the tool to a module of its own that only makes tools, and import it from there.";
  throw invalid(name, `its module ${fileURLToPath(module)} is the program itself, which a thread would run once more`, hint);
}

function isSame(path: string, module: string): boolean {
  try {
    return pathToFileURL(realpathSync(path)).href === pathToFileURL(realpathSync(fileURLToPath(module))).href;
  } catch {
    return false;
  }
}

function positive(name: string, field: string, value: unknown): void {
  if (typeof value === "number" && Number.isInteger(value) && value > 0) return;
  throw invalid(name, `\`isolated.${field}\` is ${JSON.stringify(value)}`, "Use a whole number above 0, or leave it out.");
}
