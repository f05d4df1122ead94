import type { Command } from "commander";
import { examine, type Finding } from "../doctor/examine.ts";
import { addJsonOption, addModelsOption, addStoreOption } from "../options.ts";
import { printJson, printStyled } from "../output.ts";
import { terminalOf, type Terminal, type Tone } from "../view/terminal.ts";
import { padEnd, sanitize } from "../view/text.ts";

interface Options {
  readonly db: string;
  readonly models?: string;
  readonly json?: true;
}

const EXAMPLES = `
Examples:
  executus doctor
  executus doctor --db /var/lib/agents/executus.db --json`;

export function configure(command: Command): void {
  command
    .description(
      "Checks this machine, the store and the models, and says what to do about each trouble. Keys are named, never shown.",
    )
    .addHelpText("after", EXAMPLES)
    .action(async (options: Options) => {
      process.exitCode = await doctor(options);
    });
  addModelsOption(command);
  addStoreOption(command);
  addJsonOption(command);
}

async function doctor({ db, models, json }: Options): Promise<number> {
  const findings = await examine({ db, ...(models === undefined ? {} : { modelsFile: models }) });
  if (json === true) printJson({ findings });
  else printStyled(toLines(findings, terminalOf(process.stdout)).join("\n"));
  return findings.find(({ level }) => level === "bad")?.exitCode ?? 0;
}

const TONES: Readonly<Record<Finding["level"], readonly [Tone, "ok" | "note" | "error"]>> = {
  ok: ["good", "ok"],
  warn: ["warn", "note"],
  bad: ["bad", "error"],
};

function toLines(findings: readonly Finding[], terminal: Terminal): readonly string[] {
  return findings.flatMap(({ level, what, text, hint }) => {
    const [tone, mark] = TONES[level];
    const line = `${terminal.paint(tone, terminal.marks[mark])} ${padEnd(what, 10)} ${sanitize(text)}`;
    return hint === undefined ? [line] : [line, `             ${terminal.paint("dim", sanitize(hint))}`];
  });
}
