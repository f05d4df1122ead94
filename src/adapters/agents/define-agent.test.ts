import { describe, expect, it } from "vitest";
import { isExecutusError } from "../../kernel/errors.ts";
import type { Agent } from "../../ports/definition.ts";
import { defineTool } from "../tools/define-tool.ts";
import { defineAgent } from "./define-agent.ts";

const base: Agent = { name: "clerk", instructions: "Keep the notes tidy." };

function problemWith(agent: object): string {
  try {
    defineAgent(agent as Agent);
  } catch (error) {
    if (isExecutusError(error)) return `${error.code}: ${error.message} ${error.hint}`;
    throw error;
  }
  return "fine";
}

describe("defineAgent", () => {
  it("gives a sound agent back as it is", () => {
    const agent: Agent = {
      ...base,
      model: "smart",
      tools: ["read_file"],
      limits: { maxSteps: 0, tokens: Infinity },
      settings: { seed: 1 },
    };
    expect(defineAgent(agent)).toBe(agent);
  });

  it.each<[object, string]>([
    [{ ...base, name: "two words" }, '"two words" is not a name for an agent'],
    [{ instructions: "x" }, "An agent has no name."],
    [{ name: "clerk" }, "Agent clerk: it has no instructions."],
    [{ ...base, tols: [] }, "`tols` is not a field of an agent. Did you mean `tools`?"],
    [{ ...base, constructor: "x" }, "`constructor` is not a field of an agent. Known fields: name"],
    [{ ...base, system: "x" }, "Did you mean `instructions`?"],
    [{ ...base, maxSteps: 3 }, "Did you mean `limits.maxSteps`?"],
    [{ ...base, limits: { steps: 3 } }, "`limits.steps` is not a field of an agent. Did you mean `limits.maxSteps`?"],
    [{ ...base, limits: { timeMs: "10m" } }, '`limits.timeMs` is "10m".'],
    [{ ...base, limits: { timeMs: Number.NaN } }, "`limits.timeMs` is"],
    [{ ...base, settings: { top_p: 1 } }, "Did you mean `topP`?"],
    [{ ...base, tools: "read_file" }, "`tools` is not a list."],
    [{ ...base, tools: [{ name: "x" }] }, "neither a name nor a tool"],
    [{ ...base, model: "" }, '`model` is "".'],
  ])("says what is wrong with %o", (agent, message) => {
    expect(problemWith(agent)).toMatch(/^agent_invalid: /);
    expect(problemWith(agent)).toContain(message);
  });

  it("refuses two tools of one name, by name or as tools", () => {
    const look = defineTool({ name: "look", description: "Looks.", input: { type: "object" }, execute: () => "" });
    expect(problemWith({ ...base, tools: [look, "look"] })).toContain("Agent clerk: it has two tools named look.");
  });

  it("names the file that an agent came from", () => {
    expect(() => defineAgent({ ...base, instructions: 1 as unknown as string, source: "/a/clerk.md" })).toThrow(
      expect.objectContaining({ file: "/a/clerk.md" }),
    );
  });
});
