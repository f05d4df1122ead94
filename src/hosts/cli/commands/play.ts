import { type Command, InvalidArgumentError } from "commander";
import { exitCodeOfSignal } from "../exit-codes.ts";
import { listenForInterrupts } from "../interrupts.ts";
import { openHost } from "../open.ts";
import { parseCount } from "../option-values.ts";
import { addStoreOption } from "../options.ts";
import { goOnWithoutReader, note, print } from "../output.ts";
import { openEffectsFile } from "../play/effects-file.ts";
import { type Played, playCorpus } from "../play/play.ts";
import { checkCorpus } from "../play/recording.ts";

interface Options {
  readonly db: string;
  readonly id?: string;
  readonly effects?: string;
  readonly concurrency: number;
  readonly toolDelay: number;
  readonly modelDelay: number;
}

const EXAMPLES = `
Examples:
  executus play recorded/*.jsonl                         every recording, compared with what was recorded
  executus play runs.jsonl --id session-7                one of them
  executus play runs.jsonl --effects calls.txt           counts real executions: one line RUN CALL each

The same command again continues what was interrupted and skips what has ended.`;

export function configure(command: Command): void {
  command
    .description("Plays recorded conversations through the real kernel and the real store, and compares the transcripts.")
    .argument("<corpus...>", "files with one recorded conversation per line (.jsonl)")
    .option("--id <id>", "only this recording")
    .option("--effects <file>", "append one line RUN CALL for every call that is really executed")
    .option("--concurrency <n>", "recordings at once", parseCount, 16)
    .option("--tool-delay <ms>", "what a tool call takes", parseDelay, 0)
    .option("--model-delay <ms>", "what a model call takes", parseDelay, 0)
    .addHelpText("after", EXAMPLES)
    .action(async (corpus: string[], options: Options) => {
      process.exitCode = await play(corpus, options);
    });
  addStoreOption(command);
}

function parseDelay(text: string): number {
  const number = Number(text);
  if (text.trim() === "" || !Number.isFinite(number) || number < 0)
    throw new InvalidArgumentError("Write milliseconds, 0 or more.");
  return number;
}

async function play(corpus: readonly string[], options: Options): Promise<number> {
  const ids = await checkCorpus(corpus);
  if (options.id === undefined ? ids.size === 0 : !ids.has(options.id)) {
    note(`There is no recording${options.id === undefined ? "" : ` with the id ${options.id}`} in these files.`);
    return 2;
  }
  const effects = openEffectsFile(options.effects);
  const host = openHost({ db: options.db });
  goOnWithoutReader();
  const stop = new AbortController();
  const interrupts = listenForInterrupts({
    drain: () => {
      note("stopping once the calls under way are back; the same command continues");
      stop.abort();
    },
    cancel: () => process.exit(exitCodeOfSignal("SIGINT")),
  });
  try {
    const { passed, failed } = await playCorpus({
      store: host.store,
      blobs: host.blobs,
      corpus,
      ...(options.id === undefined ? {} : { id: options.id }),
      effects,
      concurrency: options.concurrency,
      toolDelayMs: options.toolDelay,
      modelDelayMs: options.modelDelay,
      report,
      signal: stop.signal,
    });
    print(`${passed} passed, ${failed} failed`);
    if (interrupts.first !== undefined) return exitCodeOfSignal(interrupts.first);
    return failed === 0 ? 0 : 1;
  } finally {
    interrupts.stop();
    await host.close();
  }
}

function report({ id, run, steps, skipped, difference }: Played): void {
  const what = `${id}  ${steps} steps`;
  if (difference === undefined) note(`ok    ${what}${skipped ? " (had ended, compared only)" : ""}`);
  else note(`FAIL  ${what}: ${difference}\n      see: executus show ${run}`);
}
