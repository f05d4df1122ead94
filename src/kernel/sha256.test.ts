import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { sha256 } from "./sha256.ts";

it("gives what every other SHA-256 gives, for every length around a block", () => {
  for (const length of [0, 1, 3, 54, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 1_000]) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 31 + length) % 256);
    expect(Buffer.from(sha256(bytes)).toString("hex"), `${length}`).toBe(createHash("sha256").update(bytes).digest("hex"));
  }
});
