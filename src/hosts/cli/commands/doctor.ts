import type { Command } from "commander";
import { examineLiveRuns } from "../doctor/live-runs.ts";
import { examine, type Finding } from "../doctor/examine.ts";
import { addJsonOption, addModelsOption, addStoreOption } from "../options.ts";
import { printJson, printStyled } from "../output.ts";
import { terminalOf, type Terminal, type Tone } from "../view/terminal.ts";
import { padEnd, sanitize } from "../view/text.ts";

interface Options {
  readonly db: string;
  readonly models?: string;
  readonly json?: true;
  readonly store?: string;
}

const EXAMPLES = `
Examples:
  executus doctor
  executus doctor --db /var/lib/agents/executus.db --json
  executus doctor --store copy-of-production.db        before a deployment: fails when a live run could not go on`;

export function configure(command: Command): void {
  command
    .description(
      "Checks this machine, the store and the models, and says what to do about each trouble. Keys are named, never shown.",
    )
    .option("--store <file>", "only this: could every live run of that store go on with this build and its agents?")
    .addHelpText("after", EXAMPLES)
    .action(async (options: Options) => {
      process.exitCode = await doctor(options);
    });
  addModelsOption(command);
  addStoreOption(command);
  addJsonOption(command);
}

async function doctor({ db, models, json, store }: Options): Promise<number> {
  const findings =
    store === undefined
      ? await examine({ db, ...(models === undefined ? {} : { modelsFile: models }) })
      : await examineLiveRuns(store, models);
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
