/** Standard output and standard error: results go to the one, everything said to a person to the other. */
import { styleText } from "node:util";
import { withoutSecrets } from "./secrets.ts";
import { sanitize } from "./view/text.ts";

let endsWithReader = true;

/** Why standard output did not take everything. */
let refused: Error | undefined;

/**
 * `executus ls | head` closes its end early: that is no error. A full disk is one, and is told at the end; where nothing can be
 * told, as on a terminal that has been closed, the work goes on.
 */
export function guardStreams(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      const hasNoReader = error.code === "EPIPE" || error.code === "ERR_STREAM_DESTROYED";
      if (hasNoReader && endsWithReader) process.exit(0);
      if (!hasNoReader && stream === process.stdout) refused ??= error;
    });
  }
}

/** Whether standard output took everything; if not, the person is told. A stream tells of its trouble a moment later. */
export async function checkPrinted(): Promise<boolean> {
  await new Promise((resolve) => setImmediate(resolve));
  if (refused !== undefined) writeError(`executus: standard output could not be written: ${refused.message}`);
  return refused === undefined;
}

/** From here on the work is worth finishing even if nobody reads along any more. */
export function goOnWithoutReader(): void {
  endsWithReader = false;
}

/** To standard output; a terminal gets no control characters that a model or a tool may have written. */
export function print(text: string): void {
  write(process.stdout, process.stdout.isTTY ? sanitize(text) : text);
}

/** To standard output: a line of data, as it is. */
export function printLine(line: string): void {
  write(process.stdout, line);
}

/** To standard output: text that we styled, with the foreign parts of it clean. */
export function printStyled(text: string): void {
  write(process.stdout, text);
}

export function printJson(value: unknown): void {
  write(process.stdout, JSON.stringify(value, undefined, 2));
}

export function printJsonLine(value: unknown): void {
  write(process.stdout, JSON.stringify(value));
}

/** To standard error: something a person should know. */
export function note(text: string): void {
  write(process.stderr, sanitize(text));
}

export function writeError(text: string): void {
  const [first = "", ...rest] = sanitize(text).split("\n");
  write(process.stderr, [styleText(["red"], first, { stream: process.stderr }), ...rest].join("\n"));
}

function write(stream: NodeJS.WriteStream, text: string): void {
  if (!stream.destroyed) stream.write(`${withoutSecrets(text)}\n`);
}
