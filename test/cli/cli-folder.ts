/** A folder per test, and the command line in it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CliOptions, type CliProcess, type Finished, runCli, startCli } from "./cli-process.ts";

export interface CliFolder {
  readonly path: string;
  run(words: readonly string[], options?: Partial<CliOptions>): Promise<Finished>;
  start(words: readonly string[], options?: Partial<CliOptions>): CliProcess;
  /** Text with what differs from machine to machine named instead. */
  plain(text: string): string;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function createCliFolder(): Promise<CliFolder> {
  const path = await mkdtemp(join(tmpdir(), "executus-cli-"));
  const started: CliProcess[] = [];
  return {
    path,
    run: (words, options) => runCli(words, { cwd: path, ...options }),
    start: (words, options) => {
      const process = startCli(words, { cwd: path, ...options });
      started.push(process);
      return process;
    },
    plain: (text) =>
      text
        .replaceAll(path, "FOLDER")
        .replaceAll(/node --conditions=executus-source \S+main\.ts/g, "executus")
        .replaceAll(/\([^()\s]+\/\d+\)/g, "(HOST/PID)"),
    [Symbol.asyncDispose]: async () => {
      for (const { child, ended } of started.splice(0)) {
        child.kill("SIGKILL");
        await ended;
      }
      await rm(path, { recursive: true, force: true });
    },
  };
}
