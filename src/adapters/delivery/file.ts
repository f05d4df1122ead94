/** Outcomes as files: one for each delivery, or lines of JSON in one. */
import { lstat, mkdir, open, realpath, rename, rm } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { ExecutusError } from "../../kernel/errors.ts";
import type { Delivery, DeliveryAdapter, DeliveryReport, DeliveryTarget } from "../../ports/delivery.ts";
import { NotThatFile, openInside } from "../tools/open-inside.ts";
import { textOf } from "./message-text.ts";

export interface FileOptions {
  /** Nothing outside is written. Made when it is not there. */
  readonly root: string;
}

/**
 * `id` is the path below `root`; default: the delivery's id. `options.format`: `json` (default; the whole message) or `text` (only the
 * answer). `options.append`: a line of JSON at the end of the file instead; a delivery that is there already is not written again.
 *
 * @example
 * delivery: { adapters: [file({ root: "outcomes" })] }   // request: { delivery: { kind: "file", id: "today.jsonl", options: { append: true } } }
 */
export function file({ root }: FileOptions): DeliveryAdapter {
  return { kind: "file", check: (target) => void pathOf(root, target, "check"), deliver: (delivery) => deliver(root, delivery) };
}

function pathOf(root: string, { id, options }: DeliveryTarget, deliveryId: string): string {
  const extension = options?.["format"] === "text" ? "txt" : "json";
  const wanted = id ?? `${deliveryId.replaceAll(":", "_")}.${extension}`;
  const path = resolve(root, wanted);
  if (isBelow(root, path) && !wanted.includes("\0") && !/[\\/]$/.test(wanted)) return path;
  throw new ExecutusError("request_invalid", `${JSON.stringify(wanted)} is not a file below the folder of deliveries`);
}

function isBelow(root: string, path: string): boolean {
  const way = relative(resolve(root), path);
  return way !== "" && way !== ".." && !way.startsWith("../") && !way.startsWith("..\\") && !isAbsolute(way);
}

async function deliver(root: string, delivery: Delivery): Promise<DeliveryReport> {
  const { target, id } = delivery;
  const path = pathOf(root, target, id);
  const folder = dirname(path);
  await mkdir(root, { recursive: true });
  const top = await realpath(root);
  // Before anything is made: a link on the way must not lead out.
  if (!isIn(top, await nearestReal(folder))) return leadsOut(target);
  await mkdir(folder, { recursive: true });
  const real = join(await realpath(folder), basename(path));
  if (!isBelow(top, real)) return leadsOut(target);
  const receipt = { file: relative(resolve(root), path) };
  try {
    await write(real, delivery);
  } catch (error) {
    if (error instanceof NotThatFile) return leadsOut(target);
    throw error;
  }
  return { outcome: "delivered", receipt };
}

async function write(real: string, { target, id, body, message }: Delivery): Promise<void> {
  if (target.options?.["append"] === true) await appendLine(real, `{"id":${JSON.stringify(id)},${body.slice(1)}`);
  else await replace(real, target.options?.["format"] === "text" ? `${textOf(message)}\n` : `${body}\n`);
}

function leadsOut({ id = "" }: DeliveryTarget): DeliveryReport {
  return { outcome: "failed", permanent: true, error: `${id} leads out of the folder` };
}

/** Where a folder is, or the nearest above it that is there; undefined behind a link to nothing, which `mkdir` would follow. */
async function nearestReal(folder: string): Promise<string | undefined> {
  const real = await realpath(folder).catch(unlessMissing);
  if (real !== undefined) return real;
  return (await lstat(folder).catch(unlessMissing)) === undefined ? nearestReal(dirname(folder)) : undefined;
}

function isIn(root: string, real: string | undefined): boolean {
  return real !== undefined && (real === root || isBelow(root, real));
}

function unlessMissing(error: unknown): undefined {
  if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
}

/** The whole file or the one before: written beside it, flushed, renamed, and the name flushed. */
async function replace(path: string, text: string): Promise<void> {
  const beside = `${path}.${process.pid}.tmp`;
  try {
    await rm(beside, { force: true });
    await using handle = await openInside(beside, "create");
    await handle.writeFile(text);
    await handle.sync();
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
  await rename(beside, path);
  await syncFolder(dirname(path));
}

/** Appends of one process to one file take turns; those of two processes are told apart by their line ends. */
async function appendLine(path: string, line: string): Promise<void> {
  await using handle = await openInside(path, "append");
  const before = await handle.readFile("utf8");
  if (before.split("\n").includes(line)) return;
  // A line that a crash has torn stays, for whoever wants to look at it, and spoils no other.
  const start = before === "" || before.endsWith("\n") ? "" : "\n";
  await handle.appendFile(`${start}${line}\n`);
  await handle.sync();
  if (before === "") await syncFolder(dirname(path));
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  await using handle = await open(folder, "r");
  await handle.sync();
}
