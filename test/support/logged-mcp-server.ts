/** Is another MCP server, given as a program with its arguments, and writes down its process id and what it is sent. */
import { appendFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [, , log = "", program = "", ...rest] = process.argv;
appendFileSync(`${log}.pids`, `${process.pid}\n`);

// A listener of its own would set the stream going before the server listens.
const emit = process.stdin.emit.bind(process.stdin);
process.stdin.emit = (event: string | symbol, ...given: unknown[]): boolean => {
  if (event === "data") appendFileSync(log, String(given[0]));
  return emit(event, ...given);
};

process.argv.splice(1, process.argv.length, program, ...rest);
await import(pathToFileURL(program).href);
