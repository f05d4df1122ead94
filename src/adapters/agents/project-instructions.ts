/** `AGENTS.md`: what a project wants every agent to know. */
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

/** The nearest one, from this folder upwards; undefined when there is none or it is empty. */
export async function projectInstructions(folder: string): Promise<string | undefined> {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const text = await readFile(join(at, "AGENTS.md"), "utf8").catch(() => undefined);
    if (text !== undefined) return text.trim() === "" ? undefined : text.trim();
    if (dirname(at) === at) return undefined;
  }
}
