/** Faults in how tools run in threads, and in how these are ended. */
import type { Fault } from "./fault.ts";

const UNIT = ["src/adapters/tools/isolated-tool.test.ts"];
const RUNS = ["test/driver/isolated-tools.test.ts"];
const POOLS = ["src/adapters/tools/isolated-threads.test.ts"];
const POOL = "src/adapters/tools/isolated-threads.ts";
const THREAD = "src/adapters/tools/isolated-thread.ts";

export const ISOLATED_FAULTS: readonly Fault[] = [
  {
    name: "thread-is-not-ended",
    breaks: "An isolated tool that ignores its signal is ended after the grace time",
    file: THREAD,
    find: "    void this.#worker.terminate();",
    replace: "",
    tests: [...RUNS, ...UNIT],
  },
  {
    name: "thread-that-dies-is-an-error",
    breaks: "A `once` call whose thread ended in the middle of it is unknown",
    file: THREAD,
    find: "new UnknownOutcomeError(`",
    replace: "new Error(`",
    tests: [...RUNS, ...UNIT],
  },
  {
    name: "stopped-thread-is-used-again",
    breaks: "A thread that was told to stop takes no other call",
    file: THREAD,
    find: "    this.#isReusable = false;\n    const { context } = current;",
    replace: "    const { context } = current;",
    tests: UNIT,
  },
  {
    name: "leftovers-of-a-call-are-heard",
    breaks: "What an isolated call left behind is not taken for the next call",
    file: THREAD,
    find: "if (current?.call !== message.call) return;",
    replace: "if (current === undefined) return;",
    tests: UNIT,
  },
  {
    name: "idle-threads-keep-the-process",
    breaks: "Idle threads keep no process alive",
    file: THREAD,
    find: "      this.#current = undefined;\n      this.#worker.unref();",
    replace: "      this.#current = undefined;",
    tests: UNIT,
  },
  {
    name: "threads-without-a-bound",
    breaks: "A tool has no more threads than it may",
    file: POOL,
    find: "if (this.#threads.size < this.#options.threads) return",
    replace: "if (this.#threads.size >= 0) return",
    tests: UNIT,
  },
  {
    name: "idle-threads-stay",
    breaks: "A thread that has been idle is ended",
    file: POOL,
    find: "setTimeout(() => this.#endIdle(thread), idleMs)",
    replace: "setTimeout(() => this.#endIdle(thread), idleMs * 1_000)",
    tests: POOLS,
  },
  {
    name: "threads-outlive-their-executors",
    breaks: "Idle threads of an isolated tool are ended when the last executor that called it has shut down",
    file: "src/run/executor.ts",
    find: "  core.ports.toolUses.end();\n",
    replace: "",
    tests: RUNS,
  },
  {
    name: "one-executor-ends-threads-of-another",
    breaks: "An executor that shuts down leaves the threads that another one uses",
    file: "src/adapters/tools/isolated-tool.ts",
    find: "if (users === 0) void",
    replace: "if (users >= 0) void",
    tests: RUNS,
  },
  {
    name: "calls-wait-for-a-thread-that-died",
    breaks: "A call that waits for a thread gets one when another thread has ended",
    file: POOL,
    find: "    if (next === undefined) return;\n",
    replace: "    if (next === undefined || this.#threads.size >= 0) return;\n",
    tests: POOLS,
  },
  {
    name: "program-runs-again-in-a-thread",
    breaks: "A thread does not run the program once more",
    file: "src/adapters/tools/isolated-tool.ts",
    find: "if (main === undefined || !isSame(main, module)) return;",
    replace: `if (main !== "" || !isSame(main, module)) return;`,
    tests: UNIT,
  },
];
