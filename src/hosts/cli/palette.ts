/** Delegates on the command line: agents from the folders that agents are found in, skills from the usual places. */
import { dirname, join } from "node:path";
import { delegatesInFolders } from "../../adapters/delegates/folders.ts";
import type { Agent } from "../../ports/definition.ts";
import type { Delegates } from "../../ports/delegates.ts";
import { delegatesOf } from "../../run/palette.ts";
import { AGENT_FOLDERS } from "./agent-file.ts";
import { note } from "./output.ts";

export interface PaletteOptions {
  /** The agent's file: its neighbours come first. */
  readonly file?: string;
  /** Folder of the project. */
  readonly project: string;
  /** Skills of the project may be used. */
  readonly trust: boolean;
  readonly tools: readonly string[];
}

export function paletteFor({ file, project, trust, tools }: PaletteOptions): Delegates {
  const agents = AGENT_FOLDERS.map((folder) => join(project, folder));
  return delegatesInFolders({
    agents: file === undefined ? agents : [dirname(file), ...agents],
    project,
    claude: true,
    trust,
    tools,
    onWarning: (warning) => note(`executus: ${warning}`),
  });
}

/** Names that are not there are refused before anything starts. Resolves to whether there is anything to delegate to. */
export async function checkDelegates(agent: Agent, palette: Delegates): Promise<boolean> {
  const delegates = delegatesOf(agent);
  const names = delegates.filter((delegate) => typeof delegate === "string");
  if (names.length > 0) await palette.resolve(names, {});
  return delegates.length > 0;
}
