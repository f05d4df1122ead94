import { cp, mkdir, rename, rm, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const DATA = fileURLToPath(new URL("data", import.meta.url));
const preparing = new Map<string, Promise<string>>();

/** Where a run keeps its files, from the current folder on. */
export function folderOf(run: string): string {
  return `.executus/stocktake/${run.replaceAll(/[^\w.-]/g, "_")}`;
}

/** The same with a copy of the data in it, made when the run first needs it. */
export function workFolder(run: string): Promise<string> {
  const folder = resolve(folderOf(run));
  const ready = preparing.get(folder) ?? prepare(folder);
  preparing.set(folder, ready);
  return ready;
}

async function prepare(folder: string): Promise<string> {
  if (await stat(folder).catch(() => undefined)) return folder;
  // Copied aside and then renamed: a kill in the middle leaves no half a shop behind.
  const copy = `${folder}.copying`;
  await rm(copy, { recursive: true, force: true });
  await mkdir(resolve(folder, ".."), { recursive: true });
  await cp(DATA, copy, { recursive: true });
  await rename(copy, folder);
  return folder;
}
