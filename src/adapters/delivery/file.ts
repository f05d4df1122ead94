/** Outcomes as files: one for each delivery, or lines of JSON in one. */
import { mkdir, open, realpath, rename, rm } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { ExecutusError } from "../../kernel/errors.ts";
import type { Delivery, DeliveryAdapter, DeliveryReport, DeliveryTarget } from "../../ports/delivery.ts";
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
  const { target, id, body, message } = delivery;
  const path = pathOf(root, target, id);
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  // A link on the way must not lead out.
  const real = join(await realpath(folder), basename(path));
  if (!isBelow(await realpath(root), real))
    return { outcome: "failed", permanent: true, error: `${target.id} leads out of the folder` };
  const receipt = { file: relative(resolve(root), path) };
  if (target.options?.["append"] === true) await appendLine(real, `{"id":${JSON.stringify(id)},${body.slice(1)}`);
  else await replace(real, target.options?.["format"] === "text" ? `${textOf(message)}\n` : `${body}\n`);
  return { outcome: "delivered", receipt };
}

/** The whole file or the one before: written beside it, flushed, renamed, and the name flushed. */
async function replace(path: string, text: string): Promise<void> {
  const beside = `${path}.${process.pid}.tmp`;
  try {
    await using handle = await open(beside, "w");
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
  await using handle = await open(path, "a+");
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
