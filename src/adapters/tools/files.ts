import type { Tool, ToolContext } from "../../ports/tools.ts";
import type { ConfinedFolder } from "./confined-folder.ts";
import { defineTool } from "./define-tool.ts";

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
  const at: At = async (context) => {
    const files = await import("./file-operations.ts");
    return { files, folder: await files.confinedFolder(typeof root === "string" ? root : await root(context)) };
  };
  return [listTool(at), readTool(at), searchTool(at), writeTool(at), appendTool(at)];
}

/** The folder that a call works in, and what can be done there. */
type At = (context: ToolContext) => Promise<{ readonly folder: ConfinedFolder; readonly files: FileOperations }>;

type FileOperations = typeof import("./file-operations.ts");

const PATH = { type: "string", minLength: 1, description: "Path relative to the folder, for example notes/a.md" } as const;
const WITHIN = { type: "string", minLength: 1, description: "Only below this folder; default: everywhere" } as const;

function listTool(at: At): Tool {
  return defineTool({
    name: "list_files",
    description: "List all files with their sizes in bytes, in subfolders too (.git and node_modules are left out).",
    effect: "read",
    input: { type: "object", properties: { folder: WITHIN }, additionalProperties: false },
    execute: async ({ folder: within = "." }, context) => {
      const { folder, files } = await at(context);
      return files.listFiles(folder, within, context.signal);
    },
  });
}

function readTool(at: At): Tool {
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
    execute: async ({ path, offset = 1, limit = Infinity }, context) => {
      const { folder, files } = await at(context);
      return files.readLines(folder, path, offset, limit);
    },
  });
}

function searchTool(at: At): Tool {
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
    execute: async ({ text, folder: within = ".", ignoreCase = false }, context) => {
      const { folder, files } = await at(context);
      return files.searchFiles(folder, { text, within, ignoreCase }, context.signal);
    },
  });
}

const WRITE_INPUT = {
  type: "object",
  properties: { path: PATH, text: { type: "string", description: "The text" } },
  required: ["path", "text"],
  additionalProperties: false,
} as const;

function writeTool(at: At): Tool {
  return defineTool({
    name: "write_file",
    description: "Write a text file as a whole, in place of what was there. Folders are made as needed.",
    effect: "idempotent",
    input: WRITE_INPUT,
    execute: async ({ path, text }, context) => {
      const { folder, files } = await at(context);
      return files.writeText(folder, { path, text, key: context.idempotencyKey });
    },
  });
}

function appendTool(at: At): Tool {
  return defineTool({
    name: "append_file",
    description: "Add text at the end of a file, made if need be. A newline is added where the text does not end with one.",
    effect: "once",
    input: WRITE_INPUT,
    execute: async ({ path, text }, context) => {
      const { folder, files } = await at(context);
      return files.appendText(folder, { path, text, key: context.idempotencyKey });
    },
    reconcile: async ({ path }, context) => {
      const { folder, files } = await at(context);
      return files.reconcileAppend(folder, { path, key: context.idempotencyKey });
    },
  });
}
