/** For the tests of the SQLite store: folders that go away, and other processes on the same file. */
import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";
import { openSqliteStore, type SqliteStore, type SqliteStoreOptions } from "../../src/adapters/store/sqlite.ts";

export async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "executus-store-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A store that is closed when the test ends. */
export function openForTest(options: SqliteStoreOptions): SqliteStore {
  const store = openSqliteStore(options);
  onTestFinished(() => store[Symbol.asyncDispose]());
  return store;
}

export interface Child {
  readonly process: ChildProcess;
  /** The next line it prints; rejects when it ends before that. */
  line(): Promise<string>;
  tell(line: string): void;
  /** Resolves when it has ended. */
  readonly ended: Promise<unknown>;
}

export interface ChildOptions extends SpawnOptions {
  /** Put before `node` on the command line. */
  readonly under?: readonly string[];
}

const PRELUDE = `
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { openSqliteStore } from ${JSON.stringify(import.meta.resolve("../../src/adapters/store/sqlite.ts"))};
const say = (line) => writeSync(1, line + "\\n");
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const hear = async () => (await lines.next()).value;
const event = (call, text = "x") => ({ type: "tool.ended", call, outcome: "ok", output: { type: "text", value: text } });
const newRun = (run) => ({ run, agent: "clerk", at: Date.now(), events: [event("0.0")] });
const batch = (run, seq, epoch = 1) => ({ run, epoch, seq, at: Date.now(), activeMs: seq, events: [event(seq + ".0")] });
`;

/** Another Node process that runs this script, with `openSqliteStore`, `say`, `hear`, `newRun`, `batch` at hand. */
export function startChild(script: string, { under = [], ...options }: ChildOptions = {}): Child {
  const command = [...under, process.execPath, "--input-type=module", "--eval", PRELUDE + script];
  const child = spawn(command[0] ?? "", command.slice(1), { ...options, stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "exit");
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error("the child has no pipes");
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  return {
    process: child,
    ended,
    async line() {
      const { done, value } = await lines.next();
      if (done === true) throw new Error("the child ended without a word");
      return value;
    },
    tell: (line) => {
      stdin.write(`${line}\n`);
    },
  };
}
