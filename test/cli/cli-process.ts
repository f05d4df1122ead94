/** The real command line in a process of its own, in a folder of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../src/hosts/cli/main.ts", import.meta.url));

export function agentFile(name: string): string {
  return fileURLToPath(new URL(`agents/${name}.ts`, import.meta.url));
}

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Given on standard input. */
  readonly input?: string;
}

export interface CliProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<Finished>;
  /** Resolves once standard output and error together match; rejects when the process ends without that. */
  sees(pattern: RegExp): Promise<void>;
  /** Sends Ctrl-C until it is heard. */
  pressCtrlC(until: RegExp): Promise<void>;
}

/** Nothing of the machine the tests run on decides what is printed. */
const CLEAN = ["PATH", "HOME", "TMPDIR", "EXECUTUS_DEBUG"];

export function startCli(words: readonly string[], { cwd, env = {}, input }: CliOptions): CliProcess {
  const inherited = Object.fromEntries(
    CLEAN.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
  const child = spawn(process.execPath, ["--conditions=executus-source", MAIN, ...words], {
    cwd,
    env: { ...inherited, LANG: "C.UTF-8", ...env },
    stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  });
  child.stdin?.end(input);
  let stdout = "";
  let stderr = "";
  const watchers = new Set<() => void>();
  const changed = (): void => {
    for (const watch of watchers) watch();
  };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    changed();
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    changed();
  });
  const ended = new Promise<Finished>((resolve) => {
    child.once("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  const sees = (pattern: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!pattern.test(stdout + stderr)) return;
        watchers.delete(look);
        resolve();
      };
      watchers.add(look);
      look();
      void ended.then(() => reject(new Error(`ended without ${String(pattern)}:\n${stdout}${stderr}`)));
    });
  return {
    child,
    ended,
    sees,
    pressCtrlC: async (until) => {
      const timer = setInterval(() => child.kill("SIGINT"), 100);
      child.kill("SIGINT");
      await sees(until).finally(() => clearInterval(timer));
    },
  };
}

export function runCli(words: readonly string[], options: CliOptions): Promise<Finished> {
  return startCli(words, options).ended;
}
