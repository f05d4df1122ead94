/** Answers are for what they name, and for nothing else. */
import { describe, expect, it } from "vitest";
import { UnknownOutcomeError } from "../../src/kernel/unknown-outcome.ts";
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

describe("a decision about a call in doubt", () => {
  /** A payment that is in doubt each time it is tried, and has been tried twice: the run waits for a decision about the second time. */
  async function twiceInDoubt() {
    let tries = 0;
    const pay = makeTool("pay", () => (tries++, Promise.reject(new UnknownOutcomeError("lost"))), { onUnknown: "ask" });
    const world = createWorld([calls("pay"), { text: "done" }], { agents: [makeAgent([pay])] });
    const { executor, store } = world;
    const waits = async (): Promise<unknown> => (await store.runs.get("r"))?.waitingFor;
    const decide = async (outcome: "done" | "retry", id: string, doubt?: number): Promise<string> => {
      await executor.send("r", { kind: "resolve", call: "0.0", outcome, ...(doubt === undefined ? {} : { doubt }) }, { id });
      return (await world.clock.until((await executor.resume("r")).result)).status;
    };
    expect((await executor.run(makeAgent([pay]), { input: "go", id: "r" })).status).toBe("waiting");
    expect(await waits()).toMatchObject({ waits: [{ for: "resolution", id: "0.0" }] });
    expect(await decide("retry", "first", 1)).toBe("waiting");
    expect(await waits()).toMatchObject({ waits: [{ for: "resolution", id: "0.0", doubt: 2 }] });
    const refusals = async (): Promise<readonly unknown[]> =>
      (await store.journal.read("r")).filter(({ type }) => type === "answer.refused");
    return { world, decide, refusals, tries: () => tries };
  }

  it("is for the doubt that it names, and changes nothing when that is another one", async () => {
    const { decide, refusals, tries } = await twiceInDoubt();
    // Sent a second time, by somebody who has not heard that it arrived.
    expect(await decide("retry", "again", 1)).toBe("waiting");
    expect(await decide("done", "early", 3)).toBe("waiting");
    expect(tries()).toBe(2);
    expect(await refusals()).toMatchObject([
      { id: "again", about: "0.0", message: "it is about doubt 1 of the call 0.0, and what waits is doubt 2" },
      { id: "early", about: "0.0", message: "it is about doubt 3 of the call 0.0, and what waits is doubt 2" },
    ]);
    expect(await decide("done", "second", 2)).toBe("completed");
  });

  it("changes nothing where somebody has decided already", async () => {
    const { world, decide, refusals } = await twiceInDoubt();
    const quicker = world.store.inbox.send("r", {
      id: "quicker",
      at: 0,
      kind: "resolve",
      call: "0.0",
      outcome: "done",
      doubt: 2,
    });
    expect(await quicker).toBe("accepted");
    expect(await decide("retry", "late", 2)).toBe("completed");
    expect(await refusals()).toMatchObject([{ id: "late", message: expect.stringMatching("the call 0.0 is not in doubt") }]);
  });

  it("that names none is for whichever is there", async () => {
    const { decide, refusals, tries } = await twiceInDoubt();
    expect(await decide("retry", "any")).toBe("waiting");
    expect([tries(), await decide("done", "last"), await refusals()]).toEqual([3, "completed", []]);
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
