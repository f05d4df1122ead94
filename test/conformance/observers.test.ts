/** The project's own observers pass the suite for them. */
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import { describe, it } from "vitest";
import { createConsoleObserver } from "../../src/adapters/observers/console.ts";
import { createJsonLinesObserver } from "../../src/adapters/observers/json-lines.ts";
import { createProgress } from "../../src/hosts/cli/view/progress.ts";
import { terminalOf } from "../../src/hosts/cli/view/terminal.ts";
import * as kit from "../../src/testing/index.ts";

const api = { describe, it };

kit.observerConformance(api, "the observer that writes lines for people", async () => {
  const lines: string[] = [];
  return { observer: createConsoleObserver({ write: (line) => lines.push(line) }) };
});

kit.observerConformance(api, "the observer that writes JSON lines to a file", async () => {
  const folder = mkdtempSync(join(tmpdir(), "executus-observers-"));
  const file = join(folder, "runs.jsonl");
  const log = createWriteStream(file, { flags: "a" });
  const flushed = () => new Promise<void>((resolve) => void log.write("", () => resolve()));
  const passedOn = async (): Promise<readonly { readonly run: string; readonly seq: number }[]> => {
    await flushed();
    const lines = readFileSync(file, "utf8").trim().split("\n");
    return lines
      .map((line) => JSON.parse(line) as { readonly run: string; readonly seq?: number })
      .flatMap(({ run, seq }) => (seq === undefined ? [] : [{ run, seq }]));
  };
  return {
    observer: createJsonLinesObserver((line) => log.write(line), { deltas: true }),
    passedOn,
    close: async () => {
      log.end();
      await once(log, "close");
      rmSync(folder, { recursive: true });
    },
  };
});

/** A terminal of 60 columns, and what is written to it. */
function terminal(isTTY: boolean): { readonly stream: NodeJS.WriteStream; readonly written: () => string } {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 60 });
  let written = "";
  stream.on("data", (chunk: Buffer) => (written += chunk.toString("utf8")));
  return { stream: stream as unknown as NodeJS.WriteStream, written: () => written };
}

kit.observerConformance(api, "the progress of the command line, where it is no terminal", async () => {
  const progress = createProgress({ terminal: terminalOf(terminal(false).stream), isQuiet: false, isShared: true });
  return { observer: progress.observer, close: async () => progress.end() };
});

kit.observerConformance(api, "the progress of the command line on a terminal", async () => {
  const { stream, written } = terminal(true);
  const progress = createProgress({ terminal: { ...terminalOf(stream), isLive: true }, isQuiet: false });
  const shown = async (): Promise<string> => {
    const before = written().length;
    // It is drawn ten times a second.
    while (!/Step.*\n/.test(written().slice(before))) await new Promise((resolve) => setTimeout(resolve, 20));
    const line = stripVTControlCharacters(written().slice(before))
      .split("\n")
      .find((line) => line.includes("Step"));
    return line?.slice(line.indexOf("Step")) ?? "";
  };
  return { observer: progress.observer, shown, close: async () => progress.end() };
});
