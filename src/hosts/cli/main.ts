#!/usr/bin/env node
/** The door of the command line: says its version or what Node it needs at once, and loads the rest only then. */
import { readFileSync } from "node:fs";

const OLDEST_NODE = 24;

function version(): string {
  const text = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  return String((JSON.parse(text) as { readonly version?: unknown }).version);
}

const [first] = process.argv.slice(2);
if (first === "--version" || first === "-V") {
  process.stdout.on("error", () => (process.exitCode = 1));
  process.stdout.write(`${version()}\n`);
} else if (Number(process.versions.node.split(".")[0]) < OLDEST_NODE) {
  process.stderr.write(
    `executus: this is Node ${process.versions.node}; executus needs Node ${OLDEST_NODE} or later\n  Install it beside your own: npm install node@${OLDEST_NODE}\n`,
  );
  process.exitCode = 2;
} else {
  const { runProgram } = await import("./program.ts");
  await runProgram(process.argv.slice(2));
}
