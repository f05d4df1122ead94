import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { fenceRound } from "./support/fence-round.ts";

/** `scripts/fence-rounds.ts` does as many as one likes. */
const RUNS = 25;

it("a process that is stopped, loses its runs and wakes up writes nothing to them any more", { timeout: 120_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "executus-fence-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const round = await fenceRound({ folder, runs: RUNS, prefix: "r", stopAfterMs: 100 });
  expect(round.problems).toEqual([]);
  expect(round).toMatchObject({ acceptedAfterTakeover: 0, repeatedOnce: 0 });
  expect(round.taken).toBeGreaterThan(0);
  expect(round.fenced).toBe(round.taken);
});
