/** Tools that run in a thread and do what tools should not do. A thread imports this module again. */
import { execFileSync } from "node:child_process";
import { appendFileSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { threadId } from "node:worker_threads";
import { defineTool } from "../../src/adapters/tools/define-tool.ts";
import { UnknownOutcomeError } from "../../src/kernel/unknown-outcome.ts";
import type { Tool, ToolContext } from "../../src/ports/tools.ts";

const module = import.meta.url;
const input = { type: "object", properties: { file: { type: "string" }, n: { type: "number" } } } as const;

const make = (name: string, execute: (input: { file?: string; n?: number }, context: ToolContext) => unknown): Tool =>
  defineTool({ name, description: name, input, isolated: { module, memoryMb: 64 }, effect: "read", execute });

/** None of them ends by itself while somebody waits for it. */
export const hung: Readonly<Record<string, Tool>> = {
  "computes for ever": make("spin", () => {
    for (;;);
  }),
  "sleeps for ever and ignores its signal": make("sleep", () => new Promise(() => setInterval(() => {}, 1_000))),
  "reads a file again and again, synchronously": make("read", () => {
    for (;;) readFileSync(import.meta.filename);
  }),
  "keeps 10,000 timers": make("timers", () => {
    for (let i = 0; i < 10_000; i++) setTimeout(() => {}, 3_600_000);
    return new Promise(() => {});
  }),
  "waits for a program that ignores SIGTERM": make("wait", () => execFileSync("sh", ["-c", "trap '' TERM; sleep 3"])),
  "blocks its thread": make("block", () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)),
};

/** All of them end their thread, or take it with them. */
export const dying: Readonly<Record<"exit" | "memory" | "stray", Tool>> = {
  exit: make("exit", () => process.exit(3)),
  memory: make("memory", () => {
    const kept: unknown[] = [];
    for (;;) kept.push(Array.from({ length: 100_000 }, () => Math.random()));
  }),
  stray: make("stray", () => {
    setTimeout(() => {
      throw new RangeError("nobody caught this");
    }, 1);
    return new Promise(() => {});
  }),
};

export const add: Tool = make("add", ({ n = 0 }) => n + 1);
export const where: Tool = make("where", async () => (await pause(20), threadId));
export const fails: Tool = make("fails", () => {
  throw Object.assign(new TypeError("there is no such thing"), { code: "E_NONE" });
});
export const unsure: Tool = make("unsure", () => {
  throw new UnknownOutcomeError("the line went dead");
});
export const unclonable: Tool = make("unclonable", () => ({ call: () => {} }));
export const map: Tool = make("map", () => new Map([["a", 1]]));
export const nothing: Tool = make("nothing", () => {});
export const big: Tool = make("big", () => "a line of text\n".repeat(40_000));
export const secret: Tool = make("secret", () => {
  throw new Error("refused: postgres://app:tok-4f9a1c77e0@db/main");
});
export const environment: Tool = make("environment", (_, { run, call, idempotencyKey, attempt, caller, ...more }) => {
  const { status } = more.status();
  return { run, call, idempotencyKey, attempt, caller, status };
});
export const polite: Tool = make("polite", (_, { signal }) => {
  const { promise, resolve } = Promise.withResolvers<string>();
  signal.addEventListener("abort", () => resolve(`${(signal.reason as Error).message} in ${threadId}`));
  return promise;
});
/** What it leaves behind goes on after its call. */
export const littering: Tool = make("littering", async ({ n }, context) => {
  if (n === undefined) setTimeout(() => void context.attach([{ type: "text", text: "too late" }]), 5);
  await pause(n);
  return "done";
});
export const reporter: Tool = make("reporter", async (_, context) => {
  await context.attach([{ type: "text", text: "look at this" }]);
  await context.addArtifact({ name: "report.txt", content: "all is well", mediaType: "text/plain" });
  return "reported";
});

/** Does what it is told, or the worst. */
export const moody: Tool = defineTool({
  name: "moody",
  description: "Does as it is told.",
  input: { type: "object", properties: { how: { type: "string" } } },
  isolated: module,
  execute: async ({ how }) => {
    if (how === "spin") for (;;);
    if (how === "exit") process.exit(1);
    if (how === "throw") throw new Error("thrown");
    if (how === "stray") {
      setTimeout(() => {
        throw new Error("stray");
      }, 1);
    }
    await pause(10);
    return "rested";
  },
});

/** Comes back after anybody waits for it. */
export const late: Tool = make("late", async ({ file = "" }) => {
  appendFileSync(file, "begun\n");
  await pause(1_700);
  appendFileSync(file, "came back\n");
  return "late";
});

/** Its effect is a line in a file. */
const payment = {
  input: { type: "object", properties: { file: { type: "string" }, hangs: { type: "boolean" } }, required: ["file"] },
  isolated: module,
  execute: ({ file, hangs }: { readonly file: string; readonly hangs?: boolean }, { idempotencyKey }: ToolContext): string => {
    appendFileSync(file, `${idempotencyKey}\n`);
    while (hangs === true);
    return "paid";
  },
} as const;

export const pay: Tool = defineTool({ name: "pay", description: "Pays.", ...payment });

export const settled: Tool = defineTool({
  name: "settled",
  description: "Pays, and can tell.",
  ...payment,
  reconcile: ({ file }, { idempotencyKey }) =>
    readFileSync(file, "utf8").includes(idempotencyKey) ? { outcome: "done", result: "found" } : { outcome: "not-done" },
});

export const asker: Tool = defineTool({
  name: "asker",
  description: "Asks, and goes on with the answer.",
  input: { type: "object" },
  isolated: module,
  execute: (_, context) => context.ask("Which?", { choices: ["this", "that"] }),
  resume: (_, wake) => `it is ${JSON.stringify(wake.payload)}, in thread ${threadId > 0}`,
});
