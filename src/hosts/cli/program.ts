/** Commands, help and errors of the command line. */
import { Command, CommanderError } from "commander";
import { isExecutusError, nearest } from "../../kernel/errors.ts";
import { programName } from "./command-line.ts";
import { COMMANDS } from "./command-table.ts";
import { describeError } from "./describe-error.ts";
import { EXIT_CODES, EXIT_FAILED } from "./exit-codes.ts";
import { checkPrinted, guardStreams, writeError } from "./output.ts";
import { withoutSecrets } from "./secrets.ts";

/** Runs one command line and ends the process: whatever a tool left open does not keep it alive. */
export async function runProgram(words: readonly string[]): Promise<void> {
  guardStreams();
  try {
    const program = await createProgram(words);
    if (words.length === 0) throw helpAsError(program);
    await program.parseAsync([...words], { from: "user" });
  } catch (error) {
    process.exitCode = report(error, words);
  }
  if (!(await checkPrinted())) process.exitCode ||= EXIT_FAILED;
  process.exit();
}

/** Only the chosen command is loaded; the others are known by name and summary. */
export async function createProgram(words: readonly string[]): Promise<Command> {
  const program = new Command("executus");
  program
    .usage("COMMAND [OPTIONS]")
    .addHelpText("before", INTRODUCTION)
    .addHelpText("after", exitCodeHelp())
    .option("-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [COMMAND]", "print the help of a command")
    .configureHelp({ showGlobalOptions: false })
    .configureOutput({ outputError: () => {} })
    .exitOverride();
  const [chosen] = words.filter((word) => !word.startsWith("-") && word !== "help");
  for (const { name, summary, load } of COMMANDS) {
    const command = program
      .command(name)
      .summary(summary)
      .copyInheritedSettings(program)
      .helpOption("-h, --help", "print this help");
    if (name === chosen) (await load()).configure(command);
  }
  return program;
}

const INTRODUCTION = `Runs AI agents that finish: bounded, recorded, and continued where they were after a kill at any moment.

Examples:
  executus run agents/reviewer.md "Review the last commit"     start an agent and wait for its answer
  git diff | executus run reviewer "Review this diff"          what is piped in comes with the input
  executus ls                                                  what runs, waits or was interrupted
  executus resume --all                                        continue everything that was interrupted
  executus show RUN                                            where a run stands, and how it came there
  executus steer RUN "Leave the tests alone"                   tell a live run something
`;

function exitCodeHelp(): string {
  const rows = EXIT_CODES.map(({ code, meaning }) => `  ${String(code).padEnd(4)} ${meaning}`);
  return `\nExit codes:\n${rows.join("\n")}\n\nThe beginning of a run's id is enough where RUN is asked for. The store is .executus/executus.db unless --db names another.`;
}

function helpAsError(program: Command): CommanderError {
  program.outputHelp({ error: true });
  return new CommanderError(2, "executus.noCommand", "");
}

/** Tells the person, and returns the exit code. */
function report(error: unknown, words: readonly string[]): number {
  if (error instanceof CommanderError) return reportUsage(error, words);
  const { text, exitCode } = describeError(error, optionOf(words, "--db"));
  writeError(text);
  if (process.env["EXECUTUS_DEBUG"] === "1") process.stderr.write(`${withoutSecrets(stackOf(error))}\n`);
  return exitCode;
}

function reportUsage(error: CommanderError, words: readonly string[]): number {
  if (error.exitCode === 0 || error.message === "") return error.exitCode;
  if (error.code === "commander.help") return 2;
  const message = error.message.replace(/^error: /, "").replaceAll(/\s*\n\s*/g, " ");
  const [command] = words;
  const isKnown = COMMANDS.some(({ name }) => name === command);
  const help = isKnown ? `${programName()} ${command} --help` : `${programName()} --help`;
  writeError(`executus: ${withNearest(message, command)}\n  Help: ${help}`);
  return 2;
}

/** Commander names the nearest option or command where it finds one; for commands we look a little further. */
function withNearest(message: string, word: string | undefined): string {
  if (!message.startsWith("unknown command") || message.includes("Did you mean")) return message;
  const near = nearest(
    word ?? "",
    COMMANDS.map(({ name }) => name),
  );
  return near === undefined ? message : `${message} (Did you mean ${near}?)`;
}

function optionOf(words: readonly string[], option: string): string | undefined {
  const at = words.indexOf(option);
  return at < 0 ? words.find((word) => word.startsWith(`${option}=`))?.slice(option.length + 1) : words[at + 1];
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : `\ncaused by: ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${isExecutusError(error) ? ` [${error.code}]` : ""}${cause}`;
}
