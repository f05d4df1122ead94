import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

it("the front door has these names and at most 40", () => {
  const text = readFileSync(join(import.meta.dirname, "../src/index.ts"), "utf8");
  const names = [...text.matchAll(/export (?:type )?\{([^}]+)\}/g)]
    .flatMap((match) => (match[1] ?? "").split(","))
    .map((name) => name.trim().replace(/^type /, ""))
    .filter((name) => name !== "");
  expect(names.length).toBeLessThanOrEqual(40);
  expect(names.toSorted()).toMatchInlineSnapshot(`
    [
      "Agent",
      "Command",
      "Executor",
      "ExecutorConfig",
      "ExecutusError",
      "JsonValue",
      "LimitsInput",
      "Message",
      "Models",
      "RunEvent",
      "RunHandle",
      "RunRequest",
      "RunResult",
      "Store",
      "Tool",
      "ToolContext",
      "Tools",
      "UnknownOutcomeError",
      "askTool",
      "createExecutor",
      "createMemoryBlobs",
      "createMemoryStore",
      "createModels",
      "createTools",
      "defineAgent",
      "defineTool",
      "fileTools",
      "fromAiSdkModel",
      "fromAiSdkTool",
      "isExecutusError",
      "loadAgent",
      "toolsFromAiSdk",
    ]
  `);
});

it("the front door loads no optional package", async () => {
  const door = await import("executus");
  expect(Object.keys(door)).toContain("createExecutor");
});
