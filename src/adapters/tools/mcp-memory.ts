/** The tools of an MCP server as somebody took them, in a file that people can read, and keep with their project. */
import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ToolSnapshot } from "../../ports/agent.ts";
import type { ToolMemory } from "../../ports/tool-source.ts";
import { syncFolder } from "./confined-folder.ts";

/** One file per server. `source` is the name of its tool source, which holds nothing that a file name could not. */
export function fileMemory(folder: string, source: string): ToolMemory {
  const file = join(folder, `${source}.json`);
  return {
    recall: async () => {
      const text = await read(file);
      return text === undefined ? undefined : parse(text, file);
    },
    remember: (tools) => write(file, `${JSON.stringify({ tools: tools.map(known) }, null, 2)}\n`),
  };
}

async function read(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** What is not understood is no list: taking it for an empty one would let anything through. */
function parse(text: string, file: string): readonly ToolSnapshot[] {
  const { tools } = JSON.parse(text) as { readonly tools?: unknown };
  if (!Array.isArray(tools) || !tools.every(isTool)) throw new Error(`${file} holds no list of tools; delete it to begin anew`);
  return tools.map(known);
}

const EFFECTS: readonly unknown[] = ["read", "idempotent", "once"];

function isTool(value: unknown): value is ToolSnapshot {
  if (typeof value !== "object" || value === null) return false;
  const { name, description, inputSchema, effect } = value as Partial<Record<keyof ToolSnapshot, unknown>>;
  const isSchema = typeof inputSchema === "object" && inputSchema !== null && !Array.isArray(inputSchema);
  return typeof name === "string" && typeof description === "string" && isSchema && EFFECTS.includes(effect);
}

/** What a person would look at; the rest is the program's. */
function known({ name, description, inputSchema, effect }: ToolSnapshot): ToolSnapshot {
  return { name, description, inputSchema, effect, onUnknown: "report", reconcile: false };
}

/** The whole list or the one before, also where runs of this process write at once. */
async function write(file: string, text: string): Promise<void> {
  const folder = dirname(file);
  await mkdir(folder, { recursive: true });
  const beside = `${file}.${randomUUID()}.tmp`;
  try {
    await using handle = await open(beside, "wx");
    await handle.writeFile(text);
    await handle.sync();
    await rename(beside, file);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
  await syncFolder(folder);
}
