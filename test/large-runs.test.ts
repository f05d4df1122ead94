/** Runs with something very large in them: memory stays bounded, the journal grows with what happened and no faster, and they go on. */
import { execFile } from "node:child_process";
import { statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { newFolder } from "./support/sqlite-store.ts";

const program = join(import.meta.dirname, "support/large-process.ts");
const MOST_MEGABYTES = 400;

interface Said {
  readonly status: string;
  /** Calls that this process ran. */
  readonly runs: number;
  readonly events: number;
  readonly megabytes: number;
}

async function play(folder: string, ...args: readonly string[]): Promise<Said> {
  const command = ["--conditions=executus-source", "--no-warnings", program, folder, ...args];
  const { stdout } = await promisify(execFile)(process.execPath, command);
  return JSON.parse(stdout) as Said;
}

async function bytesOf(folder: string): Promise<number> {
  const files = (await readdir(folder)).filter((name) => name.startsWith("runs.db"));
  return files
    .map((name) => join(folder, name))
    .filter((file) => statSync(file).isFile())
    .reduce((sum, file) => sum + statSync(file).size, 0);
}

it.each([
  ["a result of 64 MB", "result", { calls: 1, events: 15, bytes: 300_000 }],
  ["an answer with 2,000 calls", "calls", { calls: 2_000, events: 4_000, bytes: 1_500_000 }],
  ["a prompt of 5 MB", "prompt", { calls: 0, events: 11, bytes: 6_000_000 }],
  ["10,000 events", "events", { calls: 4_640, events: 10_000, bytes: 4_000_000 }],
])(
  "%s: it waits, another process goes on, and nothing grows out of measure",
  async (_what, kind, { calls, events, bytes }) => {
    const folder = await newFolder();
    const first = await play(folder, kind);
    expect(first).toMatchObject({ status: "waiting", runs: calls });
    expect(first.megabytes).toBeLessThan(MOST_MEGABYTES);
    expect(await bytesOf(folder)).toBeLessThan(bytes);
    const next = await play(folder, kind, "resume");
    expect(next).toMatchObject({ status: "completed", runs: 0 });
    expect(next.events).toBeGreaterThanOrEqual(events);
    expect(next.megabytes).toBeLessThan(MOST_MEGABYTES);
  },
  120_000,
);
