/**
 * `node scripts/record.ts [FILE]`: the picture in the README. Runs `npm start` in a pseudo-terminal (`script` of util-linux), kills it
 * with SIGKILL in the middle, runs it again to its end, and draws what the terminal showed. Nothing is retouched.
 */
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createScreen, type Screen } from "./terminal-screen.ts";
import { type Frame, toSvg } from "./terminal-svg.ts";

const COLUMNS = 104;
const DESCRIPTION =
  "Four screens of one terminal: an agent at work, its process killed with kill -9, the same command continuing the run, its end.";
const root = resolve(import.meta.dirname, "..");
const target = resolve(process.argv[2] ?? join(root, "docs/killed-and-finished.svg"));
const folder = mkdtempSync(join(tmpdir(), "executus-record-"));

// No key and no model server of whoever records it: the script answers.
const env: NodeJS.ProcessEnv = {
  PATH: process.env["PATH"],
  HOME: folder,
  LANG: "C.UTF-8",
  TERM: "xterm-256color",
  npm_config_update_notifier: "false",
};

try {
  const frames = await record();
  writeFileSync(target, toSvg({ title: "A run is killed and finishes", description: DESCRIPTION, columns: COLUMNS, frames }));
  console.log(target);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function record(): Promise<readonly Frame[]> {
  for (const name of ["package.json", "models.json", "src", "examples"])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  const screen = createScreen(COLUMNS);

  const first = startInTerminal(screen);
  await first.until(/MUG-02,18,15[^]*\n +9 /);
  const running = screen.lines().slice(-8);
  const pid = driverOf();
  await first.until(/FIL-40: 38 should be there and 32 are/);
  process.kill(pid, "SIGKILL");
  await first.ended;
  const killed = screen.lines().slice(-5);

  const second = startInTerminal(screen);
  await second.until(/continuing run_[^]*HON-05,14,20[^]*\n +11 /);
  const continuing = screen.lines().slice(-8);
  await second.ended;
  const finished = screen.lines().slice(-13);
  checkLedger();

  return [
    { caption: "1. npm start: the agent works", lines: running },
    { caption: `2. kill -9 ${pid}, in the middle of a model's answer`, lines: killed },
    { caption: "3. npm start again: the run goes on where it was", lines: continuing },
    { caption: "4. It finishes: every finding is in the ledger, none twice", lines: finished },
  ];
}

interface Session {
  /** Resolves once the screen shows it; rejects when the program ends before. */
  until(pattern: RegExp): Promise<void>;
  readonly ended: Promise<void>;
}

function startInTerminal(screen: Screen): Session {
  const child = spawn("script", ["-qfec", `stty cols ${COLUMNS} rows 40; npm start`, "/dev/null"], {
    cwd: folder,
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const waiting = new Set<() => void>();
  let isOver = false;
  child.stdout.setEncoding("utf8").on("data", (data: string) => {
    screen.write(data);
    for (const look of waiting) look();
  });
  const ended = new Promise<void>((settle) => {
    child.once("close", () => {
      isOver = true;
      for (const look of waiting) look();
      settle();
    });
  });
  const until = (pattern: RegExp): Promise<void> =>
    new Promise((settle, reject) => {
      const look = (): void => {
        const isThere = pattern.test(screen.text());
        if (!isThere && !isOver) return;
        waiting.delete(look);
        if (isThere) settle();
        else reject(new Error(`the program ended and ${String(pattern)} was never on the screen:\n${screen.text()}`));
      };
      waiting.add(look);
      look();
    });
  return { until, ended };
}

/** The process that drives the only run, as the command line tells it. */
function driverOf(): number {
  const node = join(root, "node_modules/.bin/node");
  const listed = execFileSync(node, ["--conditions=executus-source", "src/hosts/cli/main.ts", "ls", "--json"], {
    cwd: folder,
    env,
    encoding: "utf8",
  });
  const pid = Number(/"owner":\s*"[^"]*\/(\d+)"/.exec(listed)?.[1]);
  if (!Number.isInteger(pid)) throw new Error(`nobody drives the run:\n${listed}`);
  return pid;
}

/** What the last caption says. */
function checkLedger(): void {
  const runs = join(folder, ".executus/stocktake");
  const [run = ""] = readdirSync(runs);
  const found = readFileSync(join(runs, run, "out/ledger.csv"), "utf8")
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split(",")[0]);
  if (found.join() !== "EG-100,MUG-02,FIL-40,HON-05,MAT-30") throw new Error(`the ledger has ${found.join()}`);
}
