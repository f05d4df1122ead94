import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const PROGRAM = fileURLToPath(new URL("support/stocktake-process.ts", import.meta.url));
const AGENT = fileURLToPath(new URL("../examples/stocktake/agent.ts", import.meta.url));

/** The arithmetic of the example's data, done by hand. */
const LEDGER = `sku,expected,counted,difference,value_eur,reading
EG-100,28,24,-4,-31.60,the notes differ: ask about notes/anna.md:4 and notes/ben.md:3
MUG-02,18,15,-3,-42.00,see notes/breakages.md:3
FIL-40,38,32,-6,-15.60,no note explains it: count again
HON-05,14,20,6,52.80,the notes differ: ask about notes/anna.md:5 and notes/ben.md:5
MAT-30,7,7,0,,no price on the list; see notes/anna.md:3
`;

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "executus-stocktake-"));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** Runs until it is done, or until so many new events are committed and it is killed. */
async function runProcess(
  killAfter: number,
): Promise<{ readonly events: readonly number[]; readonly result: string | undefined }> {
  const child = spawn(process.execPath, ["--conditions=executus-source", PROGRAM, AGENT], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const events: number[] = [];
  let result: string | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith("{")) result = line;
    else if (events.push(Number(line)) === killAfter) child.kill("SIGKILL");
  }
  await exited;
  return { events, result };
}

async function workFile(name: string): Promise<string> {
  return readFile(join(folder, ".executus", "stocktake", "run_may", name), "utf8");
}

describe("the stocktake example", () => {
  it("finds what is wrong, with the script that stands in for a model", async () => {
    const { result } = await runProcess(Infinity);
    const { status, output } = JSON.parse(result ?? "") as { status: string; output: string };
    expect(status).toBe("completed");
    expect(output).toContain("5 articles do not add up or have no price; the difference is -36.40 EUR");
    expect(output).toContain("out/ledger.csv has every finding once, and none twice.");
    expect(output).toContain("The files are in .executus/stocktake/run_may.");
    expect(await workFile("out/ledger.csv")).toBe(LEDGER);
    expect(await workFile("out/report.md")).toContain(
      "## FIL-40: -6, -15.60 EUR\n\n38 expected, 32 counted; no note explains it",
    );
  });

  it("writes every finding once, however often it is killed", async () => {
    let kills = 0;
    let seen = 0;
    for (;;) {
      // Each process sees the events before it again, and then gets five or six further.
      const { events, result } = await runProcess(seen + 5 + (kills % 2));
      seen = Math.max(seen, events.length);
      if (result !== undefined) break;
      kills++;
    }
    expect(kills).toBeGreaterThan(7);
    expect(await workFile("out/ledger.csv")).toBe(LEDGER);
    expect(await readdir(join(folder, ".executus", "stocktake"))).toEqual(["run_may"]);
  }, 120_000);
});
