/** Runs with files, stopped before and after each of their writes: nothing is attached, added or listed twice. */
import { describe, expect, it } from "vitest";
import { type Scenario, survivesEverywhere } from "../support/crash-points.ts";
import { makeTool } from "../support/world.ts";

const PNG = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const read = (input: object) => ({ calls: [{ name: "read_attachment", input: input as never }] });

const scenarios: Readonly<Record<string, Scenario>> = {
  "S23 attachments that are read": {
    script: [read({ file: "file-1", length: 3 }), read({ file: "file-1", offset: 3 }), { text: "end" }],
    tools: () => [],
    request: { attachments: [{ text: "abcdef", name: "a.txt" }, { bytes: PNG }] },
  },
  "S23 a long result that is read on": {
    script: [{ calls: [{ name: "long" }] }, read({ file: "result-0.0", offset: 4_990 }), { text: "end" }],
    tools: () => [makeTool("long", async () => "0123456789".repeat(500), { effect: "read", outputBytes: 1_000 })],
  },
  "S12 images and artifacts of a tool": {
    script: [{ calls: [{ name: "draw", input: { n: 1 } }] }, { calls: [{ name: "draw", input: { n: 2 } }] }, { text: "end" }],
    tools: (effects) => [
      makeTool(
        "draw",
        async (input, context) => {
          effects.push(context.idempotencyKey);
          await context.attachImages([{ bytes: PNG }]);
          await context.addArtifact({ name: "drawing.txt", content: JSON.stringify(input) });
          return "drawn";
        },
        { effect: "idempotent" },
      ),
    ],
  },
};

describe.each(Object.entries(scenarios))("%s", (_name, scenario) => {
  it("survives a stop before and after each of its writes", async () => {
    expect(await survivesEverywhere(scenario)).toBeGreaterThan(5);
  });
});
