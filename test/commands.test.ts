/** Sequences of everything that people and machines do to runs, against a small model of what must come of it. */
import { expect, it } from "vitest";
import { playSequences } from "./support/command-sequences.ts";

/** `SEQUENCES=50000 npx vitest run test/commands.test.ts` plays more. */
const SEQUENCES = Number(process.env["SEQUENCES"] ?? 300);

it(`${SEQUENCES} sequences of commands leave runs where the model says`, { timeout: 60_000 + SEQUENCES * 2_000 }, async () => {
  await expect(playSequences(SEQUENCES)).resolves.toBeUndefined();
});
