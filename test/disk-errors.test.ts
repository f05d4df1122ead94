/**
 * A process whose disk fails under it, for a while, at its system calls: its runs stand still with the store's trouble shown, nothing
 * that was acknowledged is lost, nothing is done twice, and they go on by themselves.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { checkStore } from "../src/adapters/store/sqlite-maintenance.ts";
import { openSqliteStore } from "../src/adapters/store/sqlite.ts";
import { createExecutor } from "../src/create-executor.ts";
import { scriptedModel, storeViolations } from "../src/testing/index.ts";
import { canMount, mountSmallDisk } from "./support/small-disk.ts";
import { newFolder, openForTest } from "./support/sqlite-store.ts";
import type { Said } from "./support/troubled-process.ts";
import { makeAgent } from "./support/world.ts";

const program = join(import.meta.dirname, "support/troubled-process.ts");
const RUNS = 4;
const runs = Array.from({ length: RUNS }, (_, i) => `run${i}`);

/** Somebody may be allowed to trace what they start, and not what is there already. */
const canAttach = (() => {
  const sleeper = spawn("sleep", ["10"]);
  const traced = spawnSync("timeout", ["0.2", "strace", "-qq", "-o", "/dev/null", "-p", String(sleeper.pid)]);
  sleeper.kill();
  return traced.status === 124;
})();

interface Troubled {
  readonly child: ChildProcess;
  readonly said: Said[];
  /** Until it has said enough. */
  readonly until: (isEnough: (said: readonly Said[]) => boolean) => Promise<void>;
}

function start(folder: string): Troubled {
  const command = ["--conditions=executus-source", "--no-warnings", program, folder, String(RUNS)];
  const child = spawn(process.execPath, command, { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const said: Said[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => said.push(JSON.parse(line) as Said));
  const until = async (isEnough: (said: readonly Said[]) => boolean): Promise<void> => {
    while (!isEnough(said)) {
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
      await pause(10);
    }
  };
  return { child, said, until };
}

/** From now on these calls fail for the files of the store. Resolves to what mends the disk again. */
async function breakDisk(pid: number, file: string, calls: string, error: string): Promise<() => Promise<void>> {
  const paths = ["", "-wal"].flatMap((suffix) => ["-P", file + suffix]);
  const words = ["-f", "-qq", "-o", "/dev/null", "-p", String(pid), ...paths, "-e", `trace=${calls}`];
  const tracer = spawn("strace", [...words, "-e", `inject=${calls}:error=${error}`], { stdio: ["ignore", "ignore", "inherit"] });
  onTestFinished(() => void tracer.kill("SIGKILL"));
  return async () => {
    const ended = once(tracer, "exit");
    tracer.kill("SIGTERM");
    await ended;
  };
}

const warnings = (said: readonly Said[]): readonly string[] => said.flatMap((one) => ("warning" in one ? [one.warning] : []));
const answersTo = (said: readonly Said[], id: string) => said.flatMap((one) => ("hello" in one && one.hello === id ? [one] : []));

/** Twice the disk fails, and is told something while it does; each time it is mended again. What the process said until its end. */
async function playTrouble(folder: string, calls: string, error: string): Promise<readonly Said[]> {
  const { child, said, until } = start(folder);
  const tell = async (id: string): Promise<void> => {
    const asked = answersTo(said, id).length;
    child.stdin?.write(`${id}\n`);
    await until(() => answersTo(said, id).length >= asked + RUNS);
  };
  // All runs have started when all of them take something.
  while (answersTo(said, "ready").filter(({ answer }) => answer === "accepted").length < RUNS) await tell("ready");
  for (const id of ["first", "second"]) {
    const before = warnings(said).length;
    const mend = await breakDisk(child.pid ?? 0, join(folder, "store/runs.db"), calls, error);
    // What is only read may be in memory: then nobody notices.
    const limit = performance.now() + 1_500;
    await until(() => warnings(said).length >= before + RUNS || performance.now() > limit);
    await tell(id);
    await mend();
  }
  await tell("end");
  const [code] = (await once(child, "exit")) as [number];
  expect(code).toBe(0);
  return said;
}

/** Nothing that was accepted is lost, nothing is done twice, and the file is sound. Returns how many effects have no result. */
async function checkAfterwards(folder: string, said: readonly Said[]): Promise<number> {
  const file = join(folder, "store/runs.db");
  expect(said.at(-1)).toEqual({ statuses: Array.from({ length: RUNS }, () => "completed") });
  const effects = readFileSync(join(folder, "effects"), "utf8").trimEnd().split("\n");
  expect(new Set(effects).size).toBe(effects.length);
  const store = openForTest({ file });
  const journals = new Map(await Promise.all(runs.map(async (run) => [run, await store.journal.read(run)] as const)));
  const results = [...journals.values()].flat().filter((event) => event.type === "tool.ended" && event.outcome === "ok");
  const accepted = said.flatMap((one) => ("hello" in one && one.answer === "accepted" ? [one] : []));
  for (const { run, hello } of accepted) {
    const heard = journals.get(run)?.filter((event) => event.type === "steer.received" && event.id === hello);
    expect(heard, `${run} ${hello}`).toHaveLength(1);
  }
  expect(await storeViolations(store)).toEqual([]);
  expect((await checkStore(file)).problems).toEqual([]);
  return effects.length - results.length;
}

/** What the runs said while the disk was failing, but for these answers. */
function otherAnswers(said: readonly Said[], ...expected: readonly string[]): readonly string[] {
  const given = ["first", "second"].flatMap((id) => answersTo(said, id)).map(({ answer }) => answer);
  return given.filter((answer) => !expected.includes(answer));
}

describe("a process whose disk fails for a while, twice (needs strace)", () => {
  it.skipIf(!canAttach).each([
    ["it cannot be written", "pwrite64", "EIO"],
    ["it cannot be flushed", "fsync,fdatasync", "EIO"],
    ["it has turned read-only", "pwrite64,ftruncate,fallocate", "EROFS"],
  ])(
    "%s: all runs stand still and say so, lose nothing, and go on by themselves",
    async (_what, calls, error) => {
      const folder = await newFolder();
      const said = await playTrouble(folder, calls, error);
      const told = warnings(said).filter((warning) => !warning.endsWith("the disk reports an error; trying again in 1000 ms"));
      expect(told).toEqual([]);
      expect(otherAnswers(said, "store_unavailable", "accepted")).toEqual([]);
      expect(warnings(said).length).toBeGreaterThanOrEqual(2 * RUNS);
      expect(await checkAfterwards(folder, said)).toBe(0);
    },
    60_000,
  );

  // SQLite says of a page that cannot be read just now what it says of a damaged one: the attempt ends, and another one follows.
  it.skipIf(!canAttach).each([
    ["it cannot be read", "pread64"],
    ["it can neither be read nor written", "pread64,pwrite64,fsync,fdatasync,ftruncate"],
  ])(
    "%s: runs are given up if need be, and taken up again as soon as that works",
    async (_what, calls) => {
      const folder = await newFolder();
      const said = await playTrouble(folder, calls, "EIO");
      expect(otherAnswers(said, "store_unavailable", "store_damaged", "accepted")).toEqual([]);
      // The call that was under way is in doubt, each time.
      expect(await checkAfterwards(folder, said)).toBeLessThanOrEqual(2 * RUNS);
    },
    60_000,
  );
});

describe("a disk that is mounted for reading only", () => {
  it.skipIf(!canMount)(
    "has a store that can be looked at, says why it cannot be written, and goes on afterwards (needs a mount)",
    async () => {
      const folder = mountSmallDisk("4m");
      const file = join(folder, "runs.db");
      const agent = makeAgent([]);
      {
        await using store = openSqliteStore({ file });
        await using executor = createExecutor({ models: scriptedModel([{ hang: true }]), store, agents: [agent] });
        await executor.start(agent, { input: "go", id: "r" });
        await executor.shutdown({ graceMs: 0 });
      }
      execFileSync("mount", ["-o", "remount,ro", folder]);
      expect(() => openSqliteStore({ file })).toThrow(
        expect.objectContaining({
          code: "store_unavailable",
          file,
          message: expect.stringMatching(/read-only|could not be opened/),
          hint: expect.stringMatching("how the disk is mounted"),
        }),
      );
      {
        await using reader = openSqliteStore({ file, readOnly: true });
        expect((await reader.runs.list()).map(({ run, status }) => [run, status])).toEqual([["r", "interrupted"]]);
      }
      expect((await checkStore(file)).problems).toEqual([]);
      execFileSync("mount", ["-o", "remount,rw", folder]);
      await using store = openSqliteStore({ file });
      await using executor = createExecutor({ models: scriptedModel([{ text: "done" }]), store, agents: [agent] });
      const { resumed } = await executor.recover();
      expect(await resumed[0]?.result).toMatchObject({ run: "r", status: "completed", output: "done" });
    },
  );
});
