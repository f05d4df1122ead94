/** The agent of runs that are taken from a stopped process, and what it leaves in the world: one line for each effect. */
import { appendFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { defineTool } from "../../src/adapters/tools/define-tool.ts";
import type { ToolContext, ToolEffect } from "../../src/ports/tools.ts";
import type { Agent } from "../../src/run/types.ts";
import { type ScriptedModel, scriptedModel } from "../../src/testing/scripted-model.ts";

export interface EffectLine {
  readonly key: string;
  readonly tool: string;
  readonly pid: number;
  /** Wall ms. */
  readonly at: number;
}

const STEPS = 8;

export function fenceAgent(effects: string): Agent {
  const tool = (name: string, effect: ToolEffect): ReturnType<typeof defineTool> =>
    defineTool({
      name,
      description: name,
      input: { type: "object" },
      effect,
      execute: async (_input: unknown, { idempotencyKey: key }: ToolContext) => {
        await delay(5 + Math.random() * 30);
        const line: EffectLine = { key, tool: name, pid: process.pid, at: Date.now() };
        appendFileSync(effects, `${JSON.stringify(line)}\n`);
        return `${name} ${key}`;
      },
    });
  return {
    name: "fenced",
    instructions: "Work.",
    tools: [tool("pay", "once"), tool("put", "idempotent")],
    limits: { maxSteps: STEPS + 2, timeMs: 600_000, repeats: 100 },
  };
}

export function fenceModels(): ScriptedModel {
  return scriptedModel(async ({ step }) => {
    await delay(5 + Math.random() * 30);
    if (step >= STEPS) return { text: "done" };
    return {
      calls: [
        { name: "pay", input: { step } },
        { name: "put", input: { step } },
      ],
    };
  });
}
