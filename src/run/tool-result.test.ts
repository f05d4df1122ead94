import { describe, expect, it } from "vitest";
import { createFakeClock } from "../testing/fake-clock.ts";
import { tool } from "../../test/support/driver-world.ts";
import { encodeResult } from "./tool-result.ts";

describe("a result of many megabytes", () => {
  it("becomes the same bytes in parts as at once, also where a character lies across two parts", async () => {
    const stored: Uint8Array[] = [];
    const put = async (bytes: Uint8Array): Promise<string> => `blob ${stored.push(bytes)}`;
    const blobs = { put, get: async () => new Uint8Array(), collect: async () => 0 };
    const text = "é😀".repeat(2 ** 20);
    const recording = {
      tool: tool("read", async () => ""),
      input: {},
      call: { id: "0.0", toolCallId: "x" },
      blobs,
      clock: createFakeClock(),
      redaction: undefined,
    };
    const encoded = await encodeResult(text, recording);
    expect(stored).toHaveLength(1);
    expect(Buffer.from(text).equals(stored[0] ?? Buffer.alloc(0))).toBe(true);
    expect(encoded.spilled).toEqual({ type: "blob", hash: "blob 1", bytes: Buffer.byteLength(text) });
  });
});
