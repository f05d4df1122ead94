/** Runs that wait, stopped at each of their writes: same end, no answer lost, no `once` call run twice. */
import { describe, expect, it } from "vitest";
import type { Tool, ToolContext } from "../../src/ports/tools.ts";
import type { RunResult } from "../../src/run/types.ts";
import { survivesEverywhere } from "../support/crash-points.ts";
import { satisfy } from "../support/golden-waiting.ts";
import { makeTool, type World } from "../support/world.ts";

const HOUR = 3_600_000;

function tools(effects: string[]): readonly Tool[] {
  const once = (name: string, suspend: (context: ToolContext) => unknown, more: Partial<Tool> = {}): Tool =>
    makeTool(name, async (_, context) => (effects.push(`${name} ${context.idempotencyKey}`), suspend(context)), more);
  return [
    once("send", () => "sent", { approval: "always" }),
    once("later", () => "sent later", { approval: { required: true, deadlineMs: HOUR, onDeadline: "approve" } }),
    once("plain", () => "done"),
    once("ask", (context) => context.ask("Which?", { choices: ["this", "that"] })),
    once("nap", (context) => context.sleep(HOUR)),
    once("build", (context) => context.waitFor("built"), {
      resume: async (_, wake, context) => (effects.push(`resume ${context.idempotencyKey}`), wake.by),
    }),
  ];
}

const scenario = (...steps: readonly string[][]) => ({
  script: [...steps.map((names) => ({ calls: names.map((name) => ({ name })) })), { text: "the end" }],
  tools,
  whenWaiting: satisfy,
});

describe("S29 a waiting run that is stopped at any of its writes", () => {
  it.each([
    ["for approval", [["send"]]],
    ["for approval beside other calls", [["plain", "send", "plain"], ["send"]]],
    ["for approval until its deadline", [["later"]]],
    ["for an answer", [["ask"]]],
    ["for a time", [["nap"]]],
    ["for something outside, and resumes", [["build"]]],
    ["for everything at once", [["plain", "send", "ask", "nap", "build"], ["ask"]]],
  ])("%s ends as if nothing had happened", async (_, steps) => {
    expect(await survivesEverywhere(scenario(...steps))).toBeGreaterThan(8);
  });

  it("keeps a denial and edited arguments", async () => {
    const whenWaiting = async ({ executor }: World, { run, waitingFor }: RunResult): Promise<void> => {
      if (waitingFor === undefined || !("waits" in waitingFor)) return;
      const [first, second] = waitingFor.waits;
      if (second !== undefined) await executor.send(run, { kind: "deny", approval: second.id, note: "no" }, { id: "d" });
      if (first !== undefined) await executor.send(run, { kind: "approve", approval: first.id, input: { n: 2 } }, { id: "a" });
    };
    expect(await survivesEverywhere({ ...scenario(["send", "send"]), whenWaiting })).toBeGreaterThan(8);
  });

  it("ends when it is cancelled", async () => {
    const whenWaiting = async ({ executor }: World, { run }: RunResult): Promise<void> => {
      await executor.send(run, { kind: "cancel" }, { id: "c" });
    };
    expect(await survivesEverywhere({ ...scenario(["send", "nap"]), status: "cancelled", whenWaiting })).toBeGreaterThan(8);
  });
});
