/** What is piped in. */
import { fstatSync } from "node:fs";
import { ExecutusError } from "../../kernel/errors.ts";
import { note } from "./output.ts";

/** What an agent is told that was started without a word and has none of its own. */
const NO_INPUT = "Begin.";

/** A pipe that says nothing for so long is most likely one that somebody forgot to close. */
const PATIENCE_MS = 3_000;
const MOST_BYTES = 10_000_000;

/**
 * The first user turn: INPUT, or standard input for `-` or where something is piped in; with both, what is piped in follows as
 * context. Without either, what the agent has for that case.
 */
export async function readInput(argument: string | undefined, fallback: string = NO_INPUT): Promise<string> {
  if (argument === "-") return (await readAll()) ?? "";
  const piped = isPiped() ? ((await readAll(PATIENCE_MS)) ?? "").trim() : "";
  if (argument === undefined) return piped === "" ? fallback : piped;
  return piped === "" ? argument : `${argument}\n\n<stdin>\n${piped}\n</stdin>`;
}

/** A file or a pipe. Other programs leave sockets and /dev/null there when they mean nothing by it. */
function isPiped(): boolean {
  try {
    const stats = fstatSync(0);
    return stats.isFIFO() || stats.isFile();
  } catch {
    return false;
  }
}

/** All of standard input; undefined when nothing comes within the time. */
async function readAll(patienceMs?: number): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const isSilent = Promise.withResolvers<"silent">();
  const timer = patienceMs === undefined ? undefined : setTimeout(() => isSilent.resolve("silent"), patienceMs);
  const reading = (async () => {
    for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
      clearTimeout(timer);
      bytes += chunk.length;
      if (bytes > MOST_BYTES) throw tooLong();
      chunks.push(chunk);
    }
    return "read" as const;
  })();
  const end = await Promise.race([reading, isSilent.promise]);
  clearTimeout(timer);
  if (end === "read") return Buffer.concat(chunks).toString("utf8");
  note("executus: nothing came on standard input for 3 s; going on without it (`-` as INPUT waits, `< /dev/null` does not ask)");
  reading.catch(() => {});
  process.stdin.destroy();
  return undefined;
}

function tooLong(): ExecutusError {
  return new ExecutusError("request_invalid", "what is piped in is longer than 10 MB", {
    hint: "Give the agent a file to read instead.",
  });
}
