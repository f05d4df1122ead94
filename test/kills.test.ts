/** Real `kill -9`, many runs in each process: with the other kills of these tests, 200 of them. `scripts/kill-runs.ts` makes more. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const script = join(import.meta.dirname, "../scripts/kill-runs.ts");

it("kill -9 while runs work, are told things and deliver: nothing acknowledged is lost, nothing is done twice", async () => {
  const args = ["--conditions=executus-source", "--no-warnings", script, "--kills", "180"];
  const { stdout } = await promisify(execFile)(process.execPath, args).catch((error: { readonly stdout: string }) => error);
  expect(stdout.split("\n").filter((line) => line.startsWith("  "))).toEqual([]);
  expect(stdout).toMatch(/^180 kills, .*\n0 problems\n$/m);
  // Kills that met nothing would show nothing.
  expect(stdout).toMatch(/[1-9]\d* unknown, [1-9]\d* reconciled/);
}, 600_000);
