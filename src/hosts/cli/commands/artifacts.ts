import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import type { Artifact } from "../../../ports/artifact.ts";
import type { Blobs } from "../../../ports/blobs.ts";
import { foldJournal } from "../../../run/result.ts";
import { findRun } from "../find-run.ts";
import { openHost } from "../open.ts";
import { addJsonOption, addStoreOption } from "../options.ts";
import { print, printJson } from "../output.ts";
import { safeNames } from "../safe-names.ts";
import { table } from "../view/text.ts";

interface Options {
  readonly db: string;
  readonly json?: true;
  readonly out?: string;
}

export function configure(command: Command): void {
  command
    .description("Lists the files that a run left behind, or writes them into a folder.")
    .argument("<run>", "id of the run, or its beginning")
    .option("-o, --out <folder>", "write them here; the folder is made where it is not there")
    .action(artifacts);
  addJsonOption(command);
  addStoreOption(command);
}

async function artifacts(given: string, { db, json, out }: Options): Promise<void> {
  const host = openHost({ db, access: "read" });
  try {
    const { run } = await findRun(host.store, given);
    const found = foldJournal(await host.store.journal.read(run))?.state.artifacts ?? [];
    const written = out === undefined ? [] : await writeAll(found, out, host.blobs);
    if (json === true)
      return printJson(found.map((artifact, i) => ({ ...artifact, ...(out === undefined ? {} : { file: written[i] }) })));
    if (found.length === 0) return print(`${run} left no files behind`);
    for (const line of table(found.map(({ name, mediaType, data }, i) => [written[i] ?? name, mediaType, `${data.bytes} bytes`])))
      print(line);
  } finally {
    await host.close();
  }
}

/** A name is what a tool said: it never leads out of the folder, and never over a file that is there. */
async function writeAll(found: readonly Artifact[], folder: string, blobs: Blobs): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true });
  const files = safeNames(found.map(({ name }) => name)).map((name) => join(folder, name));
  for (const [i, { data }] of found.entries()) await writeFile(files[i] ?? "", await blobs.get(data.hash), { flag: "wx" });
  return files;
}
