import { setTimeout as pause } from "node:timers/promises";
import { expect, it } from "vitest";
import { toolContext } from "../../../test/support/tool-context.ts";
import type { ToolContext } from "../../ports/tools.ts";
import type { RunStatusView } from "../../ports/view.ts";
import { seededRandom } from "../../testing/seeded-random.ts";
import { type PoolOptions, ThreadPool } from "./isolated-threads.ts";

const context = (signal: AbortSignal = new AbortController().signal): ToolContext =>
  toolContext({ signal, status: () => ({ limits: { graceMs: 30 } }) as RunStatusView });

const open = (name: string, more: Partial<PoolOptions> = {}): ThreadPool =>
  new ThreadPool({
    name,
    module: import.meta.resolve("../../../test/support/isolated-tools.ts"),
    threads: 1,
    memoryMb: 64,
    ...more,
  });

it("a thread that has been idle is ended", async () => {
  const pool = open("where", { idleMs: 20 });
  const first = await pool.call("execute", [{}], context());
  expect(await pool.call("execute", [{}], context())).toBe(first);
  await pause(100);
  expect(await pool.call("execute", [{}], context())).not.toBe(first);
});

it("a thread makes room for a fresh one after so many calls", async () => {
  const pool = open("where", { callsPerThread: 3 });
  const calls = await Promise.all(Array.from({ length: 7 }, () => pool.call("execute", [{}], context())));
  expect(calls.filter((thread) => thread === calls[0])).toHaveLength(3);
  expect(new Set(calls).size).toBe(3);
});

it("calls that come, fail, end their thread and are stopped at any moment are all answered, and the next ones too", async () => {
  const random = seededRandom(3);
  const answers = await Promise.all(
    Array.from({ length: 60 }, async (_, i) => {
      await pause(random.next() * 1_500);
      const controller = new AbortController();
      const stop = setTimeout(() => controller.abort(new Error("stopped")), random.next() * 1_500);
      const input = { how: random.pick(["spin", "exit", "throw", "stray", "rest", "rest"]), i };
      const answer = await moody.call("execute", [input], context(controller.signal)).then(
        () => "rested",
        (error: Error) => error.message,
      );
      clearTimeout(stop);
      return answer;
    }),
  );
  const kinds = ["rested", "thrown", "stopped", "busy", "exit code", "was ended", "nobody caught"];
  expect(answers.filter((answer) => !kinds.some((kind) => answer.includes(kind)))).toEqual([]);
  // Those who left something behind are gone, or have said so.
  await expect.poll(() => moody.call("execute", [{ how: "rest" }], context()).catch(() => "not yet")).toBe("rested");
});

const moody = open("moody", { threads: 3 });
