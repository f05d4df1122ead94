/** Node, SQLite, clock, disk. */
import { randomBytes } from "node:crypto";
import { existsSync, statfsSync, statSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { checkVersion } from "../../../adapters/store/sqlite-connection.ts";
import { describeError } from "../describe-error.ts";
import type { Examination, Finding } from "./examine.ts";

const WRITES = 5;
/** A commit waits for one flush; above this every step is felt. */
const SLOW_FLUSH_MS = 50;
const LITTLE_BYTES = 1e9;
const TOO_LITTLE_BYTES = 1e8;
const CLOCK_SKEW_MS = 2_000;

export async function examineMachine({ db }: Examination): Promise<readonly Finding[]> {
  const folder = nearestFolder(db);
  return [examineNode(), ...(await examineDisk(folder))];
}

function examineNode(): Finding {
  const { node, sqlite } = process.versions;
  const text = `Node ${node}, SQLite ${sqlite ?? "(none)"}`;
  try {
    checkVersion(sqlite);
    return { level: "ok", what: "node", text };
  } catch (error) {
    const { message, hint, exitCode } = describeError(error);
    return { level: "bad", what: "node", text: message, exitCode, ...(hint === undefined ? {} : { hint }) };
  }
}

/** The folder the store is in, or would be made in. */
function nearestFolder(db: string): string {
  let folder = dirname(resolve(db));
  while (!existsSync(folder)) folder = dirname(folder);
  return folder;
}

async function examineDisk(folder: string): Promise<readonly Finding[]> {
  const probe = join(folder, `.executus-doctor-${randomBytes(6).toString("hex")}`);
  try {
    const flushes = await measureFlushes(probe);
    const skewMs = Math.abs(statSync(probe).mtimeMs - Date.now());
    return [examineFlushes(folder, flushes), examineSpace(folder), examineClock(skewMs)];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const hint = "Check owner, mode and free space of the folder, or name another with --db.";
    return [{ level: "bad", what: "disk", text: `${folder} cannot be written: ${reason}`, hint, exitCode: 7 }];
  } finally {
    await rm(probe, { force: true });
  }
}

async function measureFlushes(probe: string): Promise<readonly number[]> {
  await using file = await open(probe, "wx");
  const page = randomBytes(4_096);
  const times: number[] = [];
  for (let i = 0; i < WRITES; i++) {
    const startedAt = performance.now();
    await file.write(page);
    await file.sync();
    times.push(performance.now() - startedAt);
  }
  return times.toSorted((a, b) => a - b);
}

function examineFlushes(folder: string, flushes: readonly number[]): Finding {
  const median = flushes[Math.floor(flushes.length / 2)] ?? 0;
  const text = `${folder} can be written; write and flush of 4 KB: ${median.toFixed(1)} ms (worst ${(flushes.at(-1) ?? 0).toFixed(1)} ms)`;
  if (median <= SLOW_FLUSH_MS) return { level: "ok", what: "disk", text };
  return { level: "warn", what: "disk", text, hint: "Every commit waits that long: put the store on a faster disk." };
}

function examineSpace(folder: string): Finding {
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const text = `${(free / 1e9).toFixed(1)} GB free`;
  if (free >= LITTLE_BYTES) return { level: "ok", what: "space", text };
  const hint = "Free some: runs stand still on a full disk, and go on by themselves once there is room.";
  return free < TOO_LITTLE_BYTES
    ? { level: "bad", what: "space", text, hint, exitCode: 7 }
    : { level: "warn", what: "space", text, hint };
}

function examineClock(skewMs: number): Finding {
  const now = new Date().toISOString();
  if (skewMs <= CLOCK_SKEW_MS) return { level: "ok", what: "clock", text: now };
  const text = `${now}, but the file system's clock is ${Math.round(skewMs / 1_000)} s away`;
  return { level: "warn", what: "clock", text, hint: "Set both by the same time server: times in lists will be wrong." };
}
