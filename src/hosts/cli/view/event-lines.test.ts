import { describe, expect, it } from "vitest";
import { failure } from "./event-lines.ts";

describe("a failed model call", () => {
  it.each([
    ["local/hang: 500 oh no", "local/hang: 500 oh no"],
    ["local/hang timed out: 100 ms without a sign of life (idle)", "local/hang timed out: 100 ms without a sign of life (idle)"],
    ["local/hang-b is away", "local/hang: local/hang-b is away"],
    ["fetch failed", "local/hang: fetch failed"],
  ])("names the model once: %s", (message, line) => {
    expect(failure("local/hang", message)).toBe(line);
  });
});
