import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ExecutusError, nearest } from "../../kernel/errors.ts";
import { NoTextFile } from "../files/read-text.ts";

/** Turns the failure to read an agent's file into `agent_unknown`, naming the nearest file in that folder. */
export async function missingFile(file: string, cause: unknown): Promise<never> {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "EISDIR") return folderGiven(file);
  if (code !== "ENOENT" && code !== "ENOTDIR") {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const hint =
      cause instanceof NoTextFile
        ? "Give a Markdown file of at most 1 MB, or a module of at most 20 MB."
        : "Make the file readable.";
    throw unknown(file, `The agent ${file} cannot be read: ${reason}`, hint, cause);
  }
  const files = await agentsIn(dirname(file));
  const near = nearest(
    basename(file),
    files.map((name) => basename(name)),
  );
  const hint = near === undefined ? listed(files) : `Did you mean ${join(dirname(file), near)}?`;
  throw unknown(file, `There is no agent ${file}`, hint, cause);
}

/** `agent_unknown`, listing the agents in that folder. */
export async function folderGiven(folder: string): Promise<never> {
  throw unknown(folder, `${folder} is a folder, not an agent`, listed(await agentsIn(folder)));
}

function unknown(file: string, problem: string, hint: string, cause?: unknown): ExecutusError {
  return new ExecutusError("agent_unknown", `${problem}.`, { file, hint, ...(cause === undefined ? {} : { cause }) });
}

function listed(files: readonly string[]): string {
  if (files.length === 0) return "Give the path of a .md, .ts or .js file.";
  return `Agents there: ${files.slice(0, 10).join(", ")}${files.length > 10 ? ", ..." : ""}.`;
}

async function agentsIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => /\.(md|[cm]?[jt]s)$/.test(name)).map((name) => join(folder, name));
}
