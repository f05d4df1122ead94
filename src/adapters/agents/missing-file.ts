import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ExecutusError, nearest } from "../../kernel/errors.ts";

/** Turns the failure to read an agent's file into `agent_unknown`, naming the nearest file in that folder. */
export async function missingFile(file: string, cause: unknown): Promise<never> {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "EISDIR") throw unknown(file, cause, `${file} is a folder, not an agent`, await agentsIn(file));
  if (code !== "ENOENT" && code !== "ENOTDIR") {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw unknown(file, cause, `The agent ${file} cannot be read: ${reason}`, []);
  }
  const folder = dirname(file);
  const files = await agentsIn(folder);
  const near = nearest(
    basename(file),
    files.map((name) => basename(name)),
  );
  throw unknown(file, cause, `There is no agent ${file}`, near === undefined ? files : [join(folder, near)]);
}

function unknown(file: string, cause: unknown, problem: string, files: readonly string[]): ExecutusError {
  const [only] = files;
  const several = `Agents there: ${files.slice(0, 10).join(", ")}.`;
  const hint =
    only === undefined ? "Give the path of a .md, .ts or .js file." : files.length === 1 ? `Did you mean ${only}?` : several;
  return new ExecutusError("agent_unknown", `${problem}.`, { cause, file, hint });
}

async function agentsIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => /\.(md|[cm]?[jt]s)$/.test(name)).map((name) => join(folder, name));
}
