import type { Command } from "commander";
import { loadAgent, type LoadedAgent } from "../../../adapters/agents/module.ts";
import type { Agent } from "../../../ports/definition.ts";
import { agentFiles, findAgentFile } from "../agent-file.ts";
import { readSchemas } from "../../../run/toolbox.ts";
import { describeError } from "../describe-error.ts";
import { addJsonOption } from "../options.ts";
import { note, print, printJson } from "../output.ts";
import { describeAbsent } from "../tools-here.ts";
import { plural } from "../view/figures.ts";
import { fit, oneLine, table } from "../view/text.ts";

interface Options {
  readonly json?: true;
  readonly lenient?: true;
  readonly all?: true;
}

const EXAMPLES = `
Examples:
  executus agents ls
  executus agents check                               every agent in the usual folders
  executus agents check .claude/agents/reviewer.md --lenient`;

const COLUMNS_OF_DESCRIPTION = 60;

export function configure(command: Command): void {
  command.description("Lists and checks the agents that can be run here.").addHelpText("after", EXAMPLES);
  const part = (name: string, summary: string): Command => {
    const sub = command
      .command(name)
      .summary(summary)
      .description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`)
      .helpOption("-h, --help", "print this help")
      .option("--lenient", "unknown fields and unquoted colons are warnings");
    addJsonOption(sub);
    return sub;
  };
  part("ls", "lists the agents in ./agents, ./.executus/agents, ./.claude/agents, ./.opencode/agent and ./.agents")
    .option("--all", "hidden and disabled ones too")
    .action(async (options: Options) => {
      process.exitCode = await list(options);
    });
  part("check", "reads agents strictly and says what is wrong, with file and line")
    .argument("[files...]", "paths or names; default: all that `executus agents ls` looks at")
    .action(async (files: string[], options: Options) => {
      process.exitCode = await check(files, options);
    });
}

interface Read {
  readonly file: string;
  readonly loaded?: LoadedAgent;
  readonly error?: { readonly message: string; readonly hint?: string };
}

async function readAll(
  files: readonly string[],
  { lenient }: Options,
  look: (loaded: LoadedAgent) => Promise<LoadedAgent> = (loaded) => Promise.resolve(loaded),
): Promise<readonly Read[]> {
  const read: Read[] = [];
  for (const file of files) {
    try {
      read.push({ file, loaded: await look(await loadAgent(findAgentFile(file), { lenient: lenient === true })) });
    } catch (error) {
      const { message, hint } = describeError(error);
      read.push({ file, error: { message: `${message.replace(/\.$/, "")}.`, ...(hint === undefined ? {} : { hint }) } });
    }
  }
  return read;
}

// --- ls --------------------------------------------------------------------------------------------------------------

async function list(options: Options): Promise<number> {
  const read = await readAll(agentFiles(), options);
  const shown = read.filter(({ loaded }) => options.all === true || !isHidden(loaded?.agent));
  if (options.json === true) printJson({ agents: shown.map(toJson) });
  else if (shown.length === 0) note("No agents. The first one: agents/hello.md with a line of instructions.");
  else {
    const rows = shown.map(({ file, loaded, error }) => [
      loaded?.agent.name ?? "(unreadable)",
      loaded?.agent.model ?? "",
      file,
      fit(oneLine(loaded?.agent.description ?? error?.message ?? ""), COLUMNS_OF_DESCRIPTION),
    ]);
    print(table([["AGENT", "MODEL", "FILE", "WHAT FOR"], ...rows]).join("\n"));
  }
  return 0;
}

function isHidden(agent: Agent | undefined): boolean {
  return agent?.hidden === true || agent?.disabled === true;
}

function toJson({ file, loaded, error }: Read): object {
  if (loaded === undefined) return { file, error };
  const { name, description, model, mode, hidden, disabled, tools = [] } = loaded.agent;
  const names = tools.map((tool) => (typeof tool === "string" ? tool : tool.name));
  return { name, file, description, model, mode, hidden, disabled, tools: names, warnings: loaded.warnings };
}

// --- check -----------------------------------------------------------------------------------------------------------

/** Rejects with `tool_invalid` for a tool that no call can be made of. Names without a tool are warnings. */
async function withToolsChecked(loaded: LoadedAgent): Promise<LoadedAgent> {
  const { agent, tools, warnings } = loaded;
  const given = [...(agent.tools ?? []), ...(agent.phases ?? []).flatMap((phase) => phase.tools ?? [])];
  await readSchemas([...tools, ...given.filter((tool) => typeof tool !== "string")]);
  return { ...loaded, warnings: [...warnings, ...describeAbsent(loaded, process.cwd())] };
}

async function check(files: readonly string[], options: Options): Promise<number> {
  const read = await readAll(files.length === 0 ? agentFiles() : files, options, withToolsChecked);
  const bad = read.filter(({ error }) => error !== undefined);
  if (options.json === true) printJson({ agents: read.map(toJson) });
  else {
    for (const { error, loaded } of read) {
      for (const warning of loaded?.warnings ?? []) print(`note   ${warning}`);
      if (error !== undefined) print(`error  ${error.message}${error.hint === undefined ? "" : ` ${error.hint}`}`);
    }
    const good = read.length - bad.length;
    note(`${plural(read.length, "agent")} read, ${good} sound${bad.length === 0 ? "" : `, ${bad.length} not`}`);
  }
  return bad.length === 0 ? 0 : 2;
}
