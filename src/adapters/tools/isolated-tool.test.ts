import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { toolContext } from "../../../test/support/tool-context.ts";
import * as tools from "../../../test/support/isolated-tools.ts";
import type { ToolContext } from "../../ports/tools.ts";
import type { RunStatusView } from "../../ports/view.ts";
import { isExecutusError } from "../../kernel/errors.ts";
import { isUnknownOutcome } from "../../kernel/unknown-outcome.ts";
import { defineTool } from "./define-tool.ts";

const status = (): RunStatusView => ({ status: "running", limits: { graceMs: 100 } }) as RunStatusView;
const context = (more: Partial<ToolContext> = {}): ToolContext => toolContext({ status, ...more });
const definition = { name: "crunch", description: "Crunches.", input: { type: "object" }, execute: () => "done" } as const;

/** Begun: the function of the tool has been handed its call, which is when the run is looked at. */
function watched(signal: AbortSignal): { readonly context: ToolContext; readonly begun: Promise<void> } {
  const { promise: begun, resolve } = Promise.withResolvers<void>();
  return { begun, context: context({ signal, status: () => (resolve(), status()) }) };
}

async function errorOf(work: Promise<unknown>): Promise<Error> {
  return work.then(
    () => Promise.reject(new Error("it was fulfilled")),
    (error: Error) => error,
  );
}

/** A module that makes what `source` says. */
function moduleOf(source: string): URL {
  const folder = mkdtempSync(join(tmpdir(), "executus-isolated-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "tool.ts"), source.replace("DEFINE", import.meta.resolve("./define-tool.ts")));
  return pathToFileURL(join(folder, "tool.ts"));
}

describe("an isolated tool", () => {
  it("runs in a thread, and its result is that of the function", async () => {
    expect(await tools.add.execute({ n: 4 }, context())).toBe(5);
    expect(await tools.where.execute({}, context())).toBeGreaterThan(0);
    expect(await tools.nothing.execute({}, context())).toBeUndefined();
    expect(await tools.map.execute({}, context())).toEqual(new Map([["a", 1]]));
  });

  it("gives a thread to the next call, and to each of those at once one of its own, up to a bound", async () => {
    const one = await tools.where.execute({}, context());
    expect(await tools.where.execute({}, context())).toBe(one);
    const many = await Promise.all(Array.from({ length: 9 }, () => tools.where.execute({}, context())));
    expect(new Set(many).size).toBe(4);
    expect(tools.where.concurrency).toBe(4);
  });

  it("has the context of its call", async () => {
    const given = context({ run: "r", call: "1.2", attempt: 3, caller: "anna" });
    const { run, call, idempotencyKey, attempt, caller } = given;
    expect(await tools.environment.execute({}, given)).toEqual({
      run,
      call,
      idempotencyKey,
      attempt,
      caller,
      status: "running",
    });
  });

  it("throws what the function throws: name, message and code", async () => {
    const error = await errorOf(tools.fails.execute({}, context()));
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: "TypeError", message: "there is no such thing", code: "E_NONE" });
    expect(isUnknownOutcome(await errorOf(tools.unsure.execute({}, context())))).toBe(true);
  });

  it("says what cannot cross: a function in the result, and in the input", async () => {
    expect(await errorOf(tools.unclonable.execute({}, context()))).toMatchObject({
      message: expect.stringContaining("unclonable ran, but its result cannot leave its thread") as string,
    });
    const error = await errorOf(tools.add.execute({ n: () => 1 }, context()));
    expect(error.message).toContain("add did not run: its input cannot be handed to a thread");
    expect(isUnknownOutcome(error)).toBe(false);
  });

  it("is asked first: what it answers to its signal counts, and it is told why; its thread is not used again", async () => {
    const stop = async (): Promise<unknown> => {
      const controller = new AbortController();
      const { context, begun } = watched(controller.signal);
      const result = tools.polite.execute({}, context);
      await begun;
      controller.abort(new Error("that is enough"));
      return result;
    };
    const first = await stop();
    expect(first).toMatch(/^that is enough in \d+$/);
    expect(await stop()).not.toBe(first);
  });

  it("is not heard after its call: what it left behind asks for nothing any more", async () => {
    const asked: unknown[] = [];
    const attach = async (content: unknown): Promise<void> => void asked.push(content);
    expect(await tools.littering.execute({}, context({ attach }))).toBe("done");
    expect(await tools.littering.execute({ n: 50 }, context({ attach }))).toBe("done");
    expect(asked).toEqual([]);
  });

  it.each(Object.entries(tools.hung))("that %s is ended the grace time after it was stopped", async (_how, tool) => {
    const controller = new AbortController();
    const { context, begun } = watched(controller.signal);
    const result = errorOf(tool.execute({}, context));
    await begun;
    const stoppedAt = performance.now();
    controller.abort(new Error("enough"));
    const error = await result;
    expect(error.message).toBe(`${tool.name} did not come to its end: its thread did not stop within 100 ms, and was ended`);
    expect(isUnknownOutcome(error)).toBe(true);
    expect(performance.now() - stoppedAt).toBeGreaterThan(95);
    expect(performance.now() - stoppedAt).toBeLessThan(600);
  });

  it.each([
    ["exit", "its thread ended itself with exit code 3"],
    ["memory", "its thread ran out of memory (it may have 64 MB: `isolated.memoryMb`)"],
    ["stray", "its thread ended with an error that nobody caught: nobody caught this"],
  ] as const)("that takes its thread with it (%s) fails and leaves in doubt what it did", async (name, why) => {
    const tool = tools.dying[name];
    const error = await errorOf(tool.execute({}, context()));
    expect(error.message).toBe(`${name} did not come to its end: ${why}`);
    expect(isUnknownOutcome(error)).toBe(true);
    expect((await errorOf(tool.execute({}, context()))).message).toBe(error.message);
  });

  it("keeps no process alive when it has nothing to do", async () => {
    const program = moduleOf(`
      import { add } from ${JSON.stringify(import.meta.resolve("../../../test/support/isolated-tools.ts"))};
      const context = { signal: new AbortController().signal, status: () => ({ limits: { graceMs: 100 } }) };
      console.log(await add.execute({ n: 1 }, context));
      const from = performance.now();
      process.on("exit", () => console.log(performance.now() - from < 2_000));
    `);
    const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(program)]);
    expect(stdout).toBe("2\ntrue\n");
  });

  it("that is stopped before it began was never there", async () => {
    const controller = new AbortController();
    const busy = Array.from({ length: 4 }, () => tools.where.execute({}, context()));
    const waiting = errorOf(tools.where.execute({}, context({ signal: controller.signal })));
    await new Promise((resolve) => setTimeout(resolve, 0));
    controller.abort(new Error("enough"));
    expect((await waiting).message).toBe("where was stopped before it began: all of its 4 threads were busy");
    await Promise.all(busy);
    expect(await errorOf(tools.add.execute({}, context({ signal: controller.signal })))).toMatchObject({ message: "enough" });
  });
});

describe("a module", () => {
  const load = async (source: string): Promise<Error> => {
    const module = moduleOf(source);
    const tool = defineTool({ ...definition, isolated: module });
    const error = await errorOf(tool.execute({}, context()));
    expect(isUnknownOutcome(error)).toBe(false);
    return error;
  };

  it("that cannot be loaded is named, with the reason", async () => {
    const { message } = await load(`throw new Error("no key in the environment");`);
    expect(message).toMatch(/^crunch did not run: \/.*tool\.ts cannot be loaded in a thread: no key in the environment$/);
    expect((await load("const = 3;")).message).toContain("cannot be loaded in a thread");
    expect((await load("process.exit(4);")).message).toBe(
      "crunch did not run: while its module was loaded, its thread ended itself with exit code 4",
    );
  });

  it("that does not make the tool is named", async () => {
    const { message } = await load(`export const crunch = "something else";`);
    expect(message).toMatch(/tool\.ts does not make it when it is loaded\. Define it there, at the top level$/);
  });

  it("that hangs while it is loaded is ended at once when its call is stopped", async () => {
    const tool = defineTool({ ...definition, isolated: moduleOf("for (;;);") });
    const controller = new AbortController();
    const result = errorOf(tool.execute({}, context({ signal: controller.signal })));
    setTimeout(() => controller.abort(new Error("enough")), 200);
    expect(await result).toMatchObject({ message: "enough" });
  });

  it("may make several tools, in any way, at its top level", async () => {
    const module = moduleOf(`
      import { defineTool } from "DEFINE";
      const make = (name: string) =>
        defineTool({ name, description: name, input: { type: "object" }, isolated: import.meta.url, execute: () => name });
      for (const name of ["crunch", "munch"]) make(name);
    `);
    for (const name of ["crunch", "munch"])
      expect(await defineTool({ ...definition, name, isolated: module }).execute({}, context())).toBe(name);
  });
});

describe("`isolated`", () => {
  const problemOf = (isolated: unknown): string => {
    try {
      defineTool({ ...definition, isolated: isolated as string });
    } catch (error) {
      if (isExecutusError(error)) return `${error.message} ${error.hint}`;
    }
    return "none";
  };

  it("is the URL of a module on disk, and no more than three fields", () => {
    expect(problemOf("./crunch.ts")).toContain('its module "./crunch.ts" is not the URL of a file. Write `isolated: import.meta');
    expect(problemOf("https://example.com/crunch.js")).toContain("is not the URL of a file");
    expect(problemOf(true)).toContain("`isolated` is true");
    expect(problemOf({ module: import.meta.url, memory: 3 })).toContain("`isolated.memory` is not a field");
    expect(problemOf({ module: import.meta.url, threads: 0 })).toContain("`isolated.threads` is 0");
    expect(problemOf({ module: import.meta.url, memoryMb: 1.5 })).toContain("`isolated.memoryMb` is 1.5");
  });

  it("is not the program itself, which would run again in each thread", () => {
    const main = process.argv[1] ?? "";
    expect(problemOf(pathToFileURL(main))).toContain("is the program itself, which a thread would run once more");
  });

  it("leaves the rest of the tool as it is", () => {
    const tool = defineTool({ ...definition, concurrency: 2, timeoutMs: 9, isolated: { module: import.meta.url, threads: 3 } });
    expect(tool).toMatchObject({ name: "crunch", effect: "once", concurrency: 2, timeoutMs: 9 });
    expect(tool).not.toHaveProperty("reconcile");
    expect(tools.settled).toHaveProperty("reconcile");
  });
});
