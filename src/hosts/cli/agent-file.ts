/** AGENT on the command line: a path, or the name of an agent in one of the usual folders. */
import { existsSync, readdirSync } from "node:fs";
import { basename, extname, join, resolve } from "node:path";
import { ExecutusError, nearest } from "../../kernel/errors.ts";

/** Ours first, then those of other programs. */
export const AGENT_FOLDERS: readonly string[] = [
  "agents",
  ".executus/agents",
  ".claude/agents",
  ".opencode/agent",
  ".opencode/agents",
  ".agents",
  ".agents/agents",
];
const EXTENSIONS = [".md", ".ts", ".js", ".mts", ".mjs"] as const;

/** In such folders too, and no agents. */
const NO_AGENTS: readonly string[] = ["AGENTS.md", "README.md"];

/** Absolute path of the agent's file. Throws `agent_unknown`, naming the nearest. */
export function findAgentFile(agent: string): string {
  const isPath = /[\\/]/.test(agent) || EXTENSIONS.some((extension) => agent.endsWith(extension));
  // A path that is not there is described by the loader, which looks at the files beside it.
  if (isPath || existsSync(agent)) return resolve(agent);
  for (const folder of AGENT_FOLDERS) {
    for (const extension of EXTENSIONS) {
      const file = join(folder, agent + extension);
      if (existsSync(file)) return resolve(file);
    }
  }
  throw unknownAgent(agent);
}

/** Every file in the usual folders that should hold an agent, as it is named from here; a name that comes twice, once. */
export function agentFiles(): readonly string[] {
  const seen = new Set<string>();
  const files: string[] = [];
  for (const folder of AGENT_FOLDERS) {
    for (const name of filesIn(folder)) {
      const stem = basename(name, extname(name));
      if (!seen.has(stem)) files.push(join(folder, name));
      seen.add(stem);
    }
  }
  return files;
}

function unknownAgent(agent: string): ExecutusError {
  const names = agentFiles().map((file) => basename(file, extname(file)));
  const near = nearest(agent, names);
  const where = AGENT_FOLDERS.map((folder) => `./${folder}`).join(", ");
  const listed =
    names.length === 0 ? "There are none. Give the path of a .md, .ts or .js file." : `There: ${names.slice(0, 10).join(", ")}.`;
  return new ExecutusError("agent_unknown", `There is no agent named ${agent} in ${where}`, {
    hint: near === undefined ? listed : `Did you mean ${near}?`,
  });
}

function filesIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory() && !NO_AGENTS.includes(entry.name)).map(({ name }) => name);
  return files.filter((name) => EXTENSIONS.some((extension) => name.endsWith(extension))).sort();
}
