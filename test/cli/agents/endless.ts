import { defineAgent, defineTool, type Tool } from "executus";
import { type ScriptedModel, scriptedModel } from "executus/testing";

const spin = defineTool({
  name: "spin",
  description: "Never comes back.",
  input: { type: "object" },
  effect: "read",
  timeoutMs: 600,
  isolated: import.meta.url,
  execute: () => {
    for (;;);
  },
});
export const tools: readonly Tool[] = [spin];
export const agent: ReturnType<typeof defineAgent> = defineAgent({
  name: "endless",
  instructions: "Spin.",
  tools: ["spin"],
  limits: { graceMs: 100 },
});
export const models: ScriptedModel = scriptedModel([{ calls: [{ name: "spin" }] }, { text: "It did not stop." }]);
