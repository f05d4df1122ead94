/** A process that drives a run over a real provider package is killed again and again, in the middle of its calls. */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { LLMock } from "@copilotkit/aimock";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openSqliteStore } from "../../src/adapters/store/sqlite.ts";
import type { RunEvent } from "../../src/index.ts";
import type { ProcessOptions } from "./end-to-end-process.ts";
import { END_TO_END_WIRES, type EndToEndWire, pairedCalls } from "./end-to-end-wires.ts";
import { eventsOfType, type ScriptedAnswer, startScriptedServer } from "./end-to-end-world.ts";
import { type FaultServer, startFaultServer } from "./fault-server.ts";

const PROGRAM = fileURLToPath(new URL("end-to-end-process.ts", import.meta.url));
const RUN = "run_killed";

function batch(step: number): ScriptedAnswer {
  const calls = [0, 1, 2, 3].map((n) => ({ id: `call_${step}${n}x`, input: { line: `line ${step}.${n}` } }));
  return {
    text: `Batch ${step}.`,
    reasoning: `Four lines of batch ${step}.`,
    signature: Buffer.from(`signature of batch ${step}`).toString("base64"),
    tool: "append_line",
    calls,
    usage: { input_tokens: 100, output_tokens: 10 },
  };
}

const SCRIPT = [batch(0), batch(1), { text: "Eight lines are written.", usage: { input_tokens: 100, output_tokens: 10 } }];
const LINES = ["0.0", "0.1", "0.2", "0.3", "1.0", "1.1", "1.2", "1.3"];

let upstream: LLMock;
let folder: string;
beforeAll(async () => {
  upstream = await startScriptedServer(SCRIPT);
});
afterAll(() => upstream.stop());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "executus-killed-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** One process, killed when a call of its is held or the server falls silent; what it said at its end, if it got there. */
async function runProcess(options: ProcessOptions, stalled: Promise<void>): Promise<string | undefined> {
  const child = spawn(process.execPath, ["--conditions=executus-source", PROGRAM, JSON.stringify(options)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = new Promise<string | number | null>((resolve) => {
    child.once("exit", (code, signal) => resolve(signal ?? code));
  });
  void stalled.then(() => child.kill("SIGKILL"));
  let result: string | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === "held") child.kill("SIGKILL");
    else result = line;
  }
  const end = await exited;
  if (end !== (result === undefined ? "SIGKILL" : 0)) throw new Error(`the process ended on its own: ${end}`);
  return result;
}

interface Outcome {
  readonly result: unknown;
  readonly kills: number;
  readonly journal: readonly RunEvent[];
}

/** Every process holds its second call, in turn before and after its effect; the second model call hangs once. */
async function runUntilDone(wire: EndToEndWire, server: FaultServer): Promise<Outcome> {
  const never = new Promise<void>(() => {});
  for (let kills = 0; ; kills++) {
    const when = kills % 2 === 0 ? "after" : "before";
    const options = { folder, env: wire.env(server.url), model: wire.model, run: RUN, hold: 2, when } as const;
    // A stall is there once: the processes after it must not be killed for it.
    const result = await runProcess(options, server.requests.length > 1 ? never : server.stalled);
    console.log(wire.name, kills, when, server.requests.length, Math.round(performance.now()));
    if (result === undefined) continue;
    await using store = openSqliteStore({ file: join(folder, "executus.db"), readOnly: true });
    return { result: JSON.parse(result), kills, journal: await store.journal.read(RUN) };
  }
}

describe.each(END_TO_END_WIRES)("a run over $name that is killed in the middle of parallel calls and of a model call", (wire) => {
  test("goes on until it is done: every effect once, no committed answer asked for again, every word as it was", async () => {
    await using server = await startFaultServer(upstream.url);
    const heard: string[] = [];
    const pass = { type: "rewrite", change: (event: string) => (heard.push(event), event) } as const;
    server.fail(pass, { type: "break", before: wire.finish, by: "stall" }, pass);
    const { result, kills, journal } = await runUntilDone(wire, server);

    expect(result).toMatchObject({ status: "completed", output: "Eight lines are written.", toolErrors: 0 });
    expect(result).toMatchObject({ usage: { inputTokens: 300, outputTokens: 30, unknownCalls: 1 } });
    expect(kills).toBeGreaterThanOrEqual(3);
    const written = (await readFile(join(folder, "lines.txt"), "utf8")).trimEnd().split("\n");
    expect(written.toSorted()).toEqual(LINES.map((call) => `${call} line ${call}`));

    const attempts = eventsOfType(journal, "attempt.started");
    expect(attempts.map(({ after }) => after)).toEqual(Array.from({ length: kills }, () => "crash"));
    expect(eventsOfType(journal, "tool.ended").map(({ outcome }) => outcome)).toEqual(LINES.map(() => "ok"));
    expect(eventsOfType(journal, "tool.ended").filter(({ reconciled }) => reconciled === true).length).toBeGreaterThan(0);

    const bodies = server.requests.map(({ body }) => body);
    const sent = bodies.map((body) => pairedCalls(wire, body));
    // Step 1 twice, because the server had fallen silent in the middle of its answer.
    expect(sent.map((calls) => calls.length)).toEqual([0, 4, 4, 8]);
    expect(bodies[2]).toEqual(bodies[1]);
    expect(sent[3]?.map(({ input, result }) => [input, result])).toEqual(
      LINES.map((call) => [{ line: `line ${call}` }, `appended line ${call}`]),
    );
    const conversations = bodies.map((body) => wire.conversationOf(body));
    expect(conversations[3]?.slice(0, conversations[2]?.length)).toEqual(conversations[2]);
    const given = heard.flatMap((event) => wire.tokensOfAnswer.exec(event)?.[1] ?? []);
    expect(given.length).toBeGreaterThanOrEqual(2);
    expect(given.filter((token) => !JSON.stringify(bodies[3]).includes(token))).toEqual([]);
  }, 60_000);
});
