/** Answers are for what they name, and for nothing else. */
import { describe, expect, it } from "vitest";
import type { Tool } from "../../src/ports/tools.ts";
import type { ScriptedAnswer } from "../../src/testing/scripted-model.ts";
import { createWorld, makeAgent, makeTool, type World } from "../support/world.ts";

interface Asked {
  readonly world: World;
  readonly ran: readonly string[];
  /** The status of the run, once it stands still again. */
  readonly next: () => Promise<string>;
}

/** A run that stands still because its calls need approval. */
async function asking(script: readonly ScriptedAnswer[], approval: NonNullable<Tool["approval"]> = "always"): Promise<Asked> {
  const ran: string[] = [];
  const toolOf = (name: string): Tool =>
    makeTool(name, async (input) => (ran.push(`${name} ${JSON.stringify(input)}`), "done"), { approval });
  const agent = makeAgent([toolOf("send"), toolOf("pay")]);
  const world = createWorld(script, { agents: [agent] });
  const next = async (): Promise<string> =>
    (await world.clock.until((await world.executor.start(agent, { input: "go", id: "r" })).result)).status;
  expect(await next()).toBe("waiting");
  return { world, ran, next };
}

const calls = (...names: string[]): ScriptedAnswer => ({ calls: names.map((name, n) => ({ name, input: { n } })) });

describe("an approval", () => {
  it("is for the call whose request it names, not for the first that waits", async () => {
    const { world, ran, next } = await asking([calls("send", "send"), { text: "done" }]);
    await world.executor.send("r", { kind: "approve", approval: "r:0.1" });
    expect(await next()).toBe("waiting");
    expect(ran).toEqual(['send {"n":1}']);
    await world.executor.send("r", { kind: "deny", approval: "r:0.0" });
    expect(await next()).toBe("completed");
    expect(ran).toEqual(['send {"n":1}']);
  });

  it("for the rest of the run is about one tool", async () => {
    const { world, ran, next } = await asking([calls("send", "pay"), calls("send", "pay"), { text: "done" }]);
    await world.executor.send("r", { kind: "approve", approval: "r:0.0", always: true });
    await world.executor.send("r", { kind: "approve", approval: "r:0.1" });
    expect(await next()).toBe("waiting");
    expect(ran).toEqual(['send {"n":0}', 'pay {"n":1}', 'send {"n":0}']);
    expect((await world.store.runs.get("r"))?.waitingFor).toMatchObject({ kind: "approval", calls: ["1.1"] });
  });

  it("that nobody gives in time is none, where nothing else was said", async () => {
    const { world, ran, next } = await asking([calls("send"), { text: "done" }], { required: true, deadlineMs: 1_000 });
    world.clock.advance(1_000);
    expect(await next()).toBe("completed");
    expect(ran).toEqual([]);
    expect(JSON.stringify(world.models.calls[1]?.messages.at(-1))).toContain("nobody approved it in time");
  });
});

describe("an order to end", () => {
  it("is a kill when a kill comes after a cancel that is not heard", async () => {
    const deaf = makeTool("deaf", () => new Promise(() => {}));
    const world = createWorld([calls("deaf")]);
    const handle = await world.executor.start(makeAgent([deaf], { graceMs: 60_000 }), { input: "go", id: "r" });
    for await (const event of handle.events()) if (event.type === "tool.started") break;
    await handle.cancel("please");
    for await (const event of handle.events()) if (event.type === "cancel.requested") break;
    await world.executor.send("r", { kind: "kill" });
    expect(await handle.result).toMatchObject({ status: "killed", activeMs: 0, steps: [{ calls: [{ outcome: "unknown" }] }] });
  });
});
