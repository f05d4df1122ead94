import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Tool, ToolContext } from "../../ports/tools.ts";
import { type AppendedBlock, appendOnce, digest, findAppend } from "./append-ledger.ts";
import { type ConfinedFolder, confinedFolder, fileProblem, syncFolder } from "./confined-folder.ts";
import { defineTool } from "./define-tool.ts";
import { listFiles, readLines, searchFiles } from "./read-files.ts";
import { inTurn } from "./turns.ts";

export interface FileToolsOptions {
  /** The folder the tools cannot leave, or a function that gives one for a call (a folder per run, say). It must be there. */
  readonly root: string | ((context: ToolContext) => string | Promise<string>);
}

/**
 * Tools for the files below one folder: `list_files`, `read_file` and `search_files` (effect `read`), `write_file`
 * (`idempotent`: replaces the file as a whole) and `append_file` (`once`, with a `reconcile` that finds out from a ledger in
 * `ROOT/.executus` whether a block was appended). No path leaves the folder, not through links either. A failure is an error
 * with a text for the model.
 *
 * @example
 * const agent = defineAgent({ name: "clerk", instructions: "Keep the notes tidy.", tools: fileTools({ root: "notes" }) });
 */
export function fileTools(options: FileToolsOptions): Tool[] {
  const { root } = options;
  const folderFor = async (context: ToolContext): Promise<ConfinedFolder> =>
    confinedFolder(typeof root === "string" ? root : await root(context));
  return [listTool(folderFor), readTool(folderFor), searchTool(folderFor), writeTool(folderFor), appendTool(folderFor)];
}

type FolderFor = (context: ToolContext) => Promise<ConfinedFolder>;

const PATH = { type: "string", minLength: 1, description: "Path relative to the folder, for example notes/a.md" } as const;
const WITHIN = { type: "string", minLength: 1, description: "Only below this folder; default: everywhere" } as const;

function listTool(folderFor: FolderFor): Tool {
  return defineTool({
    name: "list_files",
    description: "List all files with their sizes in bytes, in subfolders too (.git and node_modules are left out).",
    effect: "read",
    input: { type: "object", properties: { folder: WITHIN }, additionalProperties: false },
    execute: async ({ folder = "." }, context) => listFiles(await folderFor(context), folder, context.signal),
  });
}

function readTool(folderFor: FolderFor): Tool {
  return defineTool({
    name: "read_file",
    description: "Read a text file. Long files are cut with a note that says how to go on.",
    effect: "read",
    input: {
      type: "object",
      properties: {
        path: PATH,
        offset: { type: "integer", minimum: 1, description: "First line to read; default 1" },
        limit: { type: "integer", minimum: 1, description: "Number of lines; default 2000" },
      },
      required: ["path"],
      additionalProperties: false,
    },
    execute: async ({ path, offset = 1, limit = Infinity }, context) => readLines(await folderFor(context), path, offset, limit),
  });
}

function searchTool(folderFor: FolderFor): Tool {
  return defineTool({
    name: "search_files",
    description: "Find lines that contain a text, literally (no patterns), in all files or below one folder.",
    effect: "read",
    input: {
      type: "object",
      properties: {
        text: { type: "string", minLength: 1, description: "What to look for" },
        folder: WITHIN,
        ignoreCase: { type: "boolean", description: "Treat upper and lower case alike; default false" },
      },
      required: ["text"],
      additionalProperties: false,
    },
    execute: async ({ text, folder = ".", ignoreCase = false }, context) =>
      searchFiles(await folderFor(context), { text, within: folder, ignoreCase }, context.signal),
  });
}

const WRITE_INPUT = {
  type: "object",
  properties: { path: PATH, text: { type: "string", description: "The text" } },
  required: ["path", "text"],
  additionalProperties: false,
} as const;

function writeTool(folderFor: FolderFor): Tool {
  return defineTool({
    name: "write_file",
    description: "Write a text file as a whole, in place of what was there. Folders are made as needed.",
    effect: "idempotent",
    input: WRITE_INPUT,
    execute: async ({ path, text }, context) => {
      const folder = await folderFor(context);
      const file = await folder.writable(path);
      const bytes = Buffer.from(text);
      await inTurn(file, () => replaceFile(file, bytes, context.idempotencyKey)).catch((error: unknown) =>
        fileProblem(path, error),
      );
      return { path: folder.nameOf(file), bytes: bytes.length, sha256: digest(bytes) };
    },
  });
}

/** Readers see the old file or the new one, also after a power cut. */
async function replaceFile(file: string, bytes: Buffer, key: string): Promise<void> {
  // The same name when the call runs again after a crash, so that nothing is left behind.
  const temporary = join(dirname(file), `.${basename(file).slice(0, 100)}.${digest(key).slice(0, 12)}.tmp`);
  try {
    await using handle = await open(temporary, "w");
    await handle.writeFile(bytes);
    await handle.sync();
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(file));
}

function appendTool(folderFor: FolderFor): Tool {
  return defineTool({
    name: "append_file",
    description: "Add text at the end of a file, made if need be. A newline is added where the text does not end with one.",
    effect: "once",
    input: WRITE_INPUT,
    execute: async ({ path, text }, context) => {
      const folder = await folderFor(context);
      const file = await folder.writable(path);
      const place = { root: folder.root, file, path: folder.nameOf(file) };
      const append = (): Promise<AppendedBlock> => appendOnce(place, context.idempotencyKey, blockOf(text));
      return { path: place.path, ...(await inTurn(file, append).catch((error: unknown) => fileProblem(path, error))) };
    },
    reconcile: async ({ path }, context) => {
      const folder = await folderFor(context);
      const file = await folder.writable(path);
      const place = { root: folder.root, file, path: folder.nameOf(file) };
      const found = await inTurn(file, () => findAppend(place, context.idempotencyKey));
      if (found.outcome !== "done") return found;
      const { offset, bytes, sha256 } = found.block;
      return { outcome: "done", result: { path: place.path, offset, bytes, sha256 } };
    },
  });
}

function blockOf(text: string): Buffer {
  return Buffer.from(text.endsWith("\n") ? text : `${text}\n`);
}
