/** `AGENTS.md`: what a project wants every agent to know. */
import { dirname, join, resolve } from "node:path";
import { ExecutusError } from "../../kernel/errors.ts";
import { NoTextFile, readText } from "../files/read-text.ts";

/** The nearest one, from this folder upwards; undefined when there is none or it is empty. */
export async function projectInstructions(folder: string): Promise<string | undefined> {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const file = join(at, "AGENTS.md");
    const text = await readText(file).catch((error: unknown) => unfit(file, error));
    if (text !== undefined) return text.trim() === "" ? undefined : text.trim();
    if (dirname(at) === at) return undefined;
  }
}

/** One that is not there is looked for further up; one that is there and is no text must not be passed over for another. */
function unfit(file: string, error: unknown): undefined {
  if (!(error instanceof NoTextFile)) return undefined;
  const hint = "Make it a text of at most 1 MB, or take `projectInstructions` out of the agent.";
  throw new ExecutusError("agent_invalid", `${file} cannot be read: ${error.message}.`, { file, hint });
}
