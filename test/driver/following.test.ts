/** Whoever waits for a run that another process drives. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSqliteStore } from "../../src/adapters/store/sqlite.ts";
import { createExecutor } from "../../src/create-executor.ts";
import { scriptedModel } from "../../src/testing/scripted-model.ts";
import { makeAgent } from "../support/world.ts";

const PROCESS = join(import.meta.dirname, "../support/following-process.ts");

let folder = "";
let children: ChildProcess[] = [];

const file = (): string => join(folder, "runs.db");

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "executus-following-"));
});

afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  children = [];
  rmSync(folder, { recursive: true, force: true });
});

interface Started {
  readonly child: ChildProcess;
  /** It has said its first word. */
  readonly begun: Promise<void>;
  readonly ended: Promise<{ readonly code: number | null; readonly text: string }>;
}

function start(what: "drive" | "result" | "events"): Started {
  const child = spawn(process.execPath, ["--conditions=executus-source", PROCESS, file(), what]);
  children.push(child);
  let text = "";
  const begun = Promise.withResolvers<void>();
  child.stdout.on("data", (data: Buffer) => {
    text += data.toString();
    begun.resolve();
  });
  child.stderr.on("data", (data: Buffer) => (text += data.toString()));
  const ended = new Promise<{ code: number | null; text: string }>((resolve) => {
    child.once("close", (code) => resolve({ code, text }));
  });
  return { child, begun: begun.promise, ended };
}

async function drivenAndFollowed(): Promise<readonly [Started, Started, Started]> {
  const driver = start("drive");
  await driver.begun;
  const followers = [start("result"), start("events")] as const;
  await Promise.all(followers.map(({ begun }) => begun));
  // Longer than one look.
  await pause(1_500);
  return [driver, ...followers];
}

describe("a run that another process drives", () => {
  it("is waited for by a process that has nothing else to do", async () => {
    const [driver, result, events] = await drivenAndFollowed();
    writeFileSync(`${file()}.gate`, "");
    expect(await driver.ended).toEqual({ code: 0, text: "drives\ncompleted Late, but here.\n" });
    expect(await result.ended).toEqual({ code: 0, text: "follows\ncompleted Late, but here.\n" });
    expect(await events.ended).toEqual({ code: 0, text: "follows\nrun.finished\n" });
  });

  it("is waited for no longer once that process died, though a death writes nothing", async () => {
    const [driver, result, events] = await drivenAndFollowed();
    driver.child.kill("SIGKILL");
    expect(await result.ended).toEqual({ code: 0, text: "follows\ninterrupted \n" });
    expect(await events.ended).toEqual({ code: 0, text: "follows\ntool.started\n" });
  });

  it("is waited for no longer once the one who waits is shut down", async () => {
    await start("drive").begun;
    await using store = openSqliteStore({ file: file() });
    const executor = createExecutor({ models: scriptedModel([]), store });
    const { result } = await executor.start(makeAgent([]), { id: "elsewhere", input: "Go on." });
    await executor.shutdown();
    expect(await result).toMatchObject({ run: "elsewhere", output: "" });
  });
});
