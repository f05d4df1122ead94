import { describe, expect, it } from "vitest";
import { defineTool } from "../../src/adapters/tools/define-tool.ts";
import { fromAiSdkTool } from "../../src/adapters/tools/ai-sdk-tool.ts";
import type { RunEvent } from "../../src/ports/events.ts";
import type { Tool } from "../../src/ports/tools.ts";
import type { ApprovalContext } from "../../src/ports/waiting.ts";
import type { RunResult } from "../../src/run/types.ts";
import type { ScriptedAnswer } from "../../src/testing/scripted-model.ts";
import { createWorld, makeAgent, makeTool, type World } from "../support/world.ts";

const ASK: ScriptedAnswer = { calls: [{ name: "send", input: { to: "ann" } }] };

interface Setup {
  readonly script?: readonly ScriptedAnswer[];
  readonly tools?: readonly Tool[];
  readonly agent?: object;
  readonly config?: object;
  readonly request?: object;
}

interface Started {
  readonly world: World;
  readonly result: RunResult;
  readonly sent: unknown[];
  /** The run, once it stands still again. */
  readonly next: () => Promise<RunResult>;
  readonly events: (type?: RunEvent["type"]) => Promise<readonly RunEvent[]>;
}

/** A run of an agent whose tool `send` needs approval unless told otherwise. */
async function start(setup: Setup = {}): Promise<Started> {
  const sent: unknown[] = [];
  const send = makeTool("send", async (input) => (sent.push(input), "sent"), { approval: "always" });
  const agent = { ...makeAgent(setup.tools ?? [send]), ...setup.agent };
  const world = createWorld(setup.script ?? [ASK, { text: "done" }], { agents: [agent], ...setup.config });
  const result = await world.clock.until(world.executor.run(agent, { input: "go", id: "r", ...setup.request }));
  const next = async (): Promise<RunResult> =>
    world.clock.until((await world.executor.start(agent, { input: "go", id: "r" })).result);
  const events = async (type?: RunEvent["type"]): Promise<readonly RunEvent[]> =>
    (await world.store.journal.read("r")).filter((event) => type === undefined || event.type === type);
  return { world, result, sent, next, events };
}

describe("approvals", () => {
  it("S13 asks before a call runs, by an id that is in the journal before anybody sees it", async () => {
    const { world, result, sent, next, events } = await start();
    expect(result).toMatchObject({
      status: "waiting",
      waitingFor: { kind: "approval", calls: ["0.0"], waits: [{ for: "approval", id: "r:0.0", call: "0.0", tool: "send" }] },
    });
    expect(sent).toEqual([]);
    const asked = (await events()).find(({ type }) => type === "approval.requested");
    const answer = (await events()).find(({ type }) => type === "model.answered");
    expect(asked).toMatchObject({ approval: "r:0.0", at: answer?.at, seq: (answer?.seq ?? 0) + 1 });
    expect(await events("tool.started")).toEqual([]);
    await world.executor.send("r", { kind: "approve", approval: "r:0.0" }, { id: "a1", from: "ana" });
    expect(await next()).toMatchObject({ status: "completed", output: "done" });
    expect(sent).toEqual([{ to: "ann" }]);
    expect(await events("approval.answered")).toMatchObject([
      { id: "a1", approval: "r:0.0", call: "0.0", decision: "approved", by: "person", from: "ana" },
    ]);
  });

  it("tells the model that a person denied a call, with the note, as data", async () => {
    const { world, sent, next } = await start();
    await world.executor.send("r", { kind: "deny", approval: "r:0.0", note: "not to ann" });
    const result = await next();
    expect(result).toMatchObject({ status: "completed", toolErrors: 0, steps: [{ calls: [{ outcome: "denied" }] }, {}] });
    expect(JSON.stringify(world.models.calls[1]?.messages.at(-1))).toContain("a person denied it. They said: not to ann");
    expect(sent).toEqual([]);
  });

  it("runs the other calls of the step meanwhile, and nothing twice", async () => {
    const ran: string[] = [];
    const look = makeTool("look", async () => (ran.push("look"), "seen"));
    const send = makeTool("send", async () => (ran.push("send"), "sent"), { approval: "always" });
    const script = [{ calls: [{ name: "look" }, { name: "send" }, { name: "look", input: { n: 2 } }] }, { text: "done" }];
    const { world, result, next } = await start({ script, tools: [look, send] });
    expect(result.steps[0]?.calls.map(({ outcome }) => outcome)).toEqual(["ok", undefined, "ok"]);
    await world.executor.send("r", { kind: "approve", approval: "r:0.1" });
    expect(await next()).toMatchObject({ status: "completed" });
    expect(ran).toEqual(["look", "look", "send"]);
  });

  it("takes the first answer only: a second one changes nothing, and says so in the journal", async () => {
    const { world, sent, next, events } = await start();
    await world.executor.send("r", { kind: "deny", approval: "r:0.0" }, { id: "first" });
    await world.executor.send("r", { kind: "approve", approval: "r:0.0" }, { id: "second" });
    await next();
    expect(sent).toEqual([]);
    expect(await events("approval.answered")).toHaveLength(1);
    expect(await events("answer.refused")).toMatchObject([
      { id: "second", about: "r:0.0", message: expect.stringContaining("answered before") },
    ]);
  });

  it("does not let an answer in before it was asked", async () => {
    const send = makeTool("send", async () => "sent", { approval: "always" });
    const world = createWorld([ASK, { text: "done" }], { agents: [makeAgent([send])] });
    const handle = await world.executor.start(makeAgent([send]), { input: "go", id: "r" });
    await world.executor.send("r", { kind: "approve", approval: "r:0.0" });
    expect(await world.clock.until(handle.result)).toMatchObject({ status: "waiting" });
    expect((await world.store.journal.read("r")).filter(({ type }) => type === "answer.refused")).toHaveLength(1);
  });

  it("runs the call with the arguments a person gave it, checked again, and tells the model", async () => {
    const sent: unknown[] = [];
    const send = defineTool({
      name: "send",
      description: "send",
      input: { type: "object", properties: { to: { type: "string" } }, required: ["to"], additionalProperties: false } as const,
      approval: "always",
      execute: (input) => (sent.push(input), "sent"),
    });
    // Loads the validator: real waiting looks like idleness to a fake clock.
    await send.validate({ to: "x" });
    const { world, next, events } = await start({ tools: [send] });
    await world.executor.send("r", { kind: "approve", approval: "r:0.0", input: { too: "bob" } }, { id: "bad", from: "ana" });
    const still = await next();
    expect(still).toMatchObject({ status: "waiting", waitingFor: { kind: "approval" } });
    expect(await events("answer.refused")).toMatchObject([
      { id: "bad", from: "ana", message: expect.stringContaining("do not fit send") },
    ]);
    await world.executor.send("r", { kind: "approve", approval: "r:0.0", input: { to: "bob" } }, { from: "ana" });
    expect(await next()).toMatchObject({ status: "completed" });
    expect(sent).toEqual([{ to: "bob" }]);
    expect(await events("approval.answered")).toMatchObject([{ input: { to: "bob" }, from: "ana" }]);
    expect(JSON.stringify(world.models.calls.at(-1)?.messages)).toContain("changed the arguments of send");
  });

  it("runs the edited arguments also while the run is busy with another call", async () => {
    const sent: unknown[] = [];
    let release = (): void => {};
    const slow = makeTool("slow", () => new Promise((resolve) => (release = () => resolve("done"))));
    const send = makeTool("send", async (input) => (sent.push(input), release(), "sent"), { approval: "always" });
    const agent = makeAgent([slow, send]);
    const script = [{ calls: [{ name: "slow" }, { name: "send", input: { to: "ann" } }] }, { text: "done" }];
    const world = createWorld(script, { agents: [agent] });
    const handle = await world.executor.start(agent, { input: "go", id: "r" });
    for await (const event of handle.events()) if (event.type === "approval.requested") break;
    await world.executor.send("r", { kind: "approve", approval: "r:0.1", input: { to: "bob" } });
    expect(await handle.result).toMatchObject({ status: "completed", steps: [{ calls: [{}, { input: { to: "bob" } }] }, {}] });
    expect(sent).toEqual([{ to: "bob" }]);
    expect((await world.store.journal.read("r")).some(({ type }) => type === "attempt.started")).toBe(false);
  });

  it("does not run the arguments of a stale edit", async () => {
    const { world, sent, next } = await start();
    await Promise.all([
      world.executor.send("r", { kind: "approve", approval: "r:0.0" }),
      world.executor.send("r", { kind: "approve", approval: "r:0.0", input: { to: "mallory" } }),
    ]);
    await next();
    expect(sent).toEqual([{ to: "ann" }]);
  });

  it("asks no more for a tool that was approved for the rest of the run", async () => {
    const script = [
      {
        calls: [
          { name: "send", input: { n: 1 } },
          { name: "send", input: { n: 2 } },
        ],
      },
      { calls: [{ name: "send", input: { n: 3 } }] },
      { text: "done" },
    ];
    const { world, sent, next, events } = await start({ script });
    await world.executor.send("r", { kind: "approve", approval: "r:0.0", always: true });
    expect(await next()).toMatchObject({ status: "completed" });
    expect(sent).toHaveLength(3);
    expect(await events("approval.answered")).toMatchObject([
      { always: true, by: "person" },
      { by: "always", call: "0.1" },
    ]);
  });

  it.each([
    ["deny", "denied", 0],
    ["approve", "approved", 1],
  ] as const)("decides by the deadline, once it has passed: %s", async (onDeadline, decision, times) => {
    const sent: unknown[] = [];
    const approval = { required: true, deadlineMs: 3_600_000, onDeadline, reason: "it leaves the house" };
    const send = makeTool("send", async () => (sent.push(1), "sent"), { approval });
    const { world, result, next, events } = await start({ tools: [send] });
    const at = world.clock.now() + 3_600_000;
    expect(result.waitingFor).toMatchObject({ waits: [{ text: "it leaves the house", at }] });
    expect((await world.store.runs.get("r"))?.dueAt).toBe(at);
    expect(world.clock.pending).toBe(1);
    world.clock.advance(3_600_000);
    expect(await next()).toMatchObject({ status: "completed" });
    expect(await events("approval.answered")).toMatchObject([{ decision, by: "deadline" }]);
    expect(sent).toHaveLength(times);
  });

  it("notes a deadline after which it goes on waiting, and is then still answered", async () => {
    const send = makeTool("send", async () => "sent", { approval: { required: true, deadlineMs: 1_000, onDeadline: "wait" } });
    const { world, next, events } = await start({ tools: [send] });
    world.clock.advance(1_000);
    expect(await next()).toMatchObject({ status: "waiting", waitingFor: { kind: "approval" } });
    expect(await events("wait.expired")).toHaveLength(1);
    expect((await world.store.runs.get("r"))?.dueAt).toBeUndefined();
    await world.executor.send("r", { kind: "approve", approval: "r:0.0" });
    expect(await next()).toMatchObject({ status: "completed" });
  });

  it("does not count the time it waits for a person", async () => {
    const { world, next } = await start();
    world.clock.advance(86_400_000);
    await world.executor.send("r", { kind: "approve", approval: "r:0.0" });
    const result = await next();
    expect(result).toMatchObject({ status: "completed" });
    expect(result.activeMs).toBeLessThan(1_000);
  });

  it("closes what waits when the run is cancelled, also while nobody drives it", async () => {
    const { world, sent, next } = await start();
    await world.executor.send("r", { kind: "cancel", reason: "never mind" });
    expect(await next()).toMatchObject({ status: "cancelled", steps: [{ calls: [{ outcome: "cancelled" }] }] });
    expect(sent).toEqual([]);
  });

  it("keeps a request open when a message arrives, and gives the message to the model after the answer", async () => {
    const { world, next } = await start();
    await world.executor.send("r", { kind: "steer", content: "and hurry" });
    expect(await next()).toMatchObject({ status: "waiting", waitingFor: { kind: "approval" } });
    await world.executor.send("r", { kind: "approve", approval: "r:0.0" });
    expect(await next()).toMatchObject({ status: "completed" });
    expect(world.models.calls.at(-1)?.messages.map(({ role }) => role)).toEqual(["user", "assistant", "tool", "user"]);
  });
});

describe("the policy of an approval", () => {
  const outcome = async (approval: Tool["approval"], setup: Setup = {}): Promise<string> => {
    const tools = [makeTool("send", async () => "sent", approval === undefined ? {} : { approval })];
    const { result } = await start({ ...setup, tools });
    return result.status === "waiting" ? (result.waitingFor?.kind ?? "") : (result.steps[0]?.calls[0]?.outcome ?? "");
  };

  it("is a word, terms, or a function of the checked input and of who asks", async () => {
    expect(await outcome("never")).toBe("ok");
    expect(await outcome("always")).toBe("approval");
    expect(await outcome({ required: false })).toBe("ok");
    const seen: unknown[] = [];
    const policy = (input: unknown, context: ApprovalContext): boolean => (
      seen.push([input, context], context.resultsSeen()),
      false
    );
    expect(await outcome(policy, { request: { caller: "c", channel: "x", tenant: "t" } })).toBe("ok");
    const asked = { run: "r", call: "0.0", toolCallId: "call_0_0", caller: "c", channel: "x", tenant: "t" };
    expect(seen).toEqual([[{ to: "ann" }, { ...asked, resultsSeen: expect.any(Function) }], []]);
  });

  it("asks a person when it throws, hangs, or says what nobody understands", async () => {
    expect(await outcome(() => Promise.reject(new Error("no")))).toBe("approval");
    expect(await outcome(() => new Promise(() => {}))).toBe("approval");
    expect(await outcome(() => "yes" as never)).toBe("approval");
  });

  it("follows rules by name, the last that matches, the executor's after the agent's after the tool's own", async () => {
    expect(await outcome(undefined, { agent: { permission: { "*": "ask" } } })).toBe("approval");
    expect(await outcome(undefined, { agent: { permission: { "*": "ask", "s*d": "allow" } } })).toBe("ok");
    expect(await outcome("always", { config: { permission: { send: "allow" } } })).toBe("ok");
    expect(await outcome(undefined, { agent: { permission: { send: "allow" } }, config: { permission: { "s*": "ask" } } })).toBe(
      "approval",
    );
    expect(await outcome("always", { config: { permission: { "*d": "deny" } } })).toBe("denied");
    expect(() => createWorld([], { permission: { send: "maybe" as never } })).toThrow(expect.objectContaining({ code: "usage" }));
  });

  it("answers a call that a rule forbids at once, as data and not as an error", async () => {
    const { world, result, sent } = await start({ agent: { permission: { send: "deny" } } });
    expect(result).toMatchObject({ status: "completed", toolErrors: 0 });
    expect(sent).toEqual([]);
    expect(JSON.stringify(world.models.calls[1]?.messages.at(-1))).toContain("a rule forbids send");
  });

  it("asks nobody about a call that a guard would not let run", async () => {
    const again = { calls: [{ name: "send", input: { to: "ann" } }] };
    const { world, next } = await start({ script: [again, again, again, { text: "done" }] });
    for (const call of ["r:0.0", "r:1.0"]) {
      await world.executor.send("r", { kind: "approve", approval: call });
      await next();
    }
    expect((await world.executor.result("r")).steps[2]?.calls[0]?.outcome).toBe("blocked");
  });

  it("honours needsApproval of an AI SDK tool", async () => {
    const input = { type: "object", properties: {} };
    const schema = {
      [Symbol.for("vercel.ai.schema")]: true,
      jsonSchema: input,
      validate: (value: unknown) => ({ success: true as const, value }),
    };
    const sdk = (needsApproval: unknown): Tool =>
      fromAiSdkTool("send", { description: "send", inputSchema: schema, execute: async () => "sent", needsApproval });
    const check = async (tool: Tool): Promise<string> => (await start({ tools: [tool] })).result.status;
    expect(await check(sdk(true))).toBe("waiting");
    expect(await check(sdk(false))).toBe("completed");
    expect(await check(sdk(async ({ to }: { to: string }) => to === "ann"))).toBe("waiting");
    expect(await check(sdk(async ({ to }: { to: string }) => to !== "ann"))).toBe("completed");
  });
});
