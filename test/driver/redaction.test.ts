/** Registered secrets: nowhere in what a run leaves behind, and a resumed run knows what the live one knew. */
import { describe, expect, it } from "vitest";
import type { Observer } from "../../src/ports/observer.ts";
import type { Store } from "../../src/ports/store.ts";
import type { ModelDelta } from "../../src/ports/models.ts";
import { foldJournal } from "../../src/run/result.ts";
import type { Secret } from "../../src/run/redaction.ts";
import { faultyStore } from "../../src/testing/faulty-store.ts";
import type { ScriptedAnswer } from "../../src/testing/scripted-model.ts";
import { scriptedModel } from "../../src/testing/scripted-model.ts";
import { createWorld, makeAgent, makeTool } from "../support/world.ts";

const CANARY = "canary-0123456789";
const secrets: readonly Secret[] = [{ name: "TOKEN", value: CANARY }];

function recorder(): { readonly observer: Observer; readonly seen: unknown[]; readonly deltas: ModelDelta[] } {
  const seen: unknown[] = [];
  const deltas: ModelDelta[] = [];
  const observer: Observer = {
    events: (_run, events) => void seen.push(...events),
    delta: (_origin, delta) => void deltas.push(delta),
    warning: (_run, message) => void seen.push(message),
  };
  return { observer, seen, deltas };
}

const leaks = (value: unknown): boolean => JSON.stringify(value).includes(CANARY);

describe("a registered secret", () => {
  it("is in nothing of a fork that was told it in an edit", async () => {
    const leaky = makeTool("leaky", async () => "fine");
    const agent = makeAgent([leaky]);
    const world = createWorld([{ calls: [{ name: "leaky" }] }, { text: "end" }, { text: "again" }], { secrets, agents: [agent] });
    await world.clock.until(world.executor.run(agent, { input: "go", id: "r" }));
    const at = (await world.store.journal.read("r")).findIndex(({ type }) => type === "tool.ended");
    const edit = { instructions: `Keep ${CANARY}`, input: CANARY, results: [{ call: "0.0", output: { token: CANARY } }] };
    const fork = await world.executor.fork("r", { at, edit, id: "f" });
    expect(await world.clock.until(fork.result)).toMatchObject({ status: "completed" });
    expect([await world.store.journal.read("f"), world.models.calls].map(leaks)).toEqual([false, false]);
    expect(await (await world.executor.fork("r", { at, edit, id: "f" })).result).toMatchObject({ run: "f" });
    const misspelt = { results: [{ call: "0.0", output: 1, outcome: CANARY }] } as never;
    await expect(world.executor.fork("r", { at, edit: misspelt })).rejects.toThrow('"[redacted TOKEN]"');
  });

  it("is in no event, prompt, result or stream, wherever it came from", async () => {
    const { observer, seen, deltas } = recorder();
    const given: unknown[] = [];
    const leaky = makeTool("leaky", async (input, context) => {
      given.push(input);
      await context.attach([{ type: "text", text: `attached ${CANARY}` }]);
      return { token: CANARY, [CANARY]: 1, page: `${CANARY} `.repeat(30_000) };
    });
    const failing = makeTool("failing", async () => {
      throw new Error(`401 for ${CANARY}`);
    });
    const script: readonly ScriptedAnswer[] = [
      { text: `I have ${CANARY}.`, calls: [{ name: "leaky", input: { key: CANARY } }, { name: "failing" }] },
      { text: `So it was ${CANARY}.`, reasoning: CANARY },
    ];
    const world = createWorld(script, { secrets, observers: [observer], systemHeader: `Header ${CANARY}` });
    const run = world.executor.run(makeAgent([leaky, failing]), {
      input: `Use ${CANARY}`,
      history: [{ role: "user", content: [{ type: "text", text: CANARY }] }],
      labels: { token: CANARY },
      caller: CANARY,
      id: "r",
    });
    const result = await world.clock.until(run);
    expect(result.status).toBe("completed");
    const events = await world.store.journal.read("r");
    expect(events.some(({ type }) => type === "steer.received")).toBe(true);
    expect([result, events, seen, deltas, world.models.calls, given, await world.store.runs.list()].map(leaks)).toEqual(
      Array.from({ length: 7 }, () => false),
    );
    expect(given).toEqual([{ key: "[redacted TOKEN]" }]);
    const spilled = events.find((event) => event.type === "tool.ended" && event.spilled !== undefined);
    const hash = spilled?.type === "tool.ended" ? (spilled.spilled?.hash ?? "") : "";
    expect(Buffer.from(await world.blobs.get(hash)).toString()).toContain("[redacted TOKEN]");
    expect(leaks(Buffer.from(await world.blobs.get(hash)).toString())).toBe(false);
  });

  it("is in no error of a provider and in no refusal of a run", async () => {
    const world = createWorld(() => ({ error: new Error(`bad key ${CANARY}`) }), { secrets });
    const failed = await world.clock.until(world.executor.run(makeAgent([]), { input: "x", id: "r" }));
    expect(failed.error).toMatchObject({ message: "bad key [redacted TOKEN]" });
    expect(leaks(await world.store.journal.read("r"))).toBe(false);
    const models = { resolve: () => Promise.reject(new Error(`no tier for ${CANARY}`)) };
    const refusing = createWorld([], { secrets, models });
    expect(await refusing.executor.run(makeAgent([]), "x")).toMatchObject({ error: { message: "no tier for [redacted TOKEN]" } });
    await expect(refusing.executor.start(makeAgent([]), "x")).rejects.toThrow("no tier for [redacted TOKEN]");
  });

  it("does not even wait in the inbox", async () => {
    const world = createWorld(() => ({ hang: true }), { secrets });
    await world.executor.start(makeAgent([]), { input: "x", id: "r" });
    await world.executor.shutdown();
    await world.executor.send("r", { kind: "steer", content: `now with ${CANARY}` });
    expect(await world.store.inbox.pending("r")).toMatchObject([{ content: [{ text: "now with [redacted TOKEN]" }] }]);
  });

  it("is taken out when it was put into the inbox by somebody who did not know it", async () => {
    const world = createWorld(() => ({ text: "ok" }), { secrets });
    const handle = await world.executor.start(makeAgent([]), { input: "x", id: "r" });
    await world.store.inbox.send("r", { id: "s", kind: "steer", content: [{ type: "text", text: CANARY }] });
    await world.clock.until(handle.result);
    expect(leaks(await world.store.journal.read("r"))).toBe(false);
  });

  it("leaves live and resumed runs with the same state and the same arguments", async () => {
    const inputs: unknown[] = [];
    const tool = makeTool("pay", async (input) => void inputs.push(input), { effect: "idempotent" });
    const script: readonly ScriptedAnswer[] = [{ calls: [{ name: "pay", input: { to: CANARY } }] }, { text: "end" }];
    const agent = makeAgent([tool]);
    const live = createWorld(script, { secrets, agents: [agent] });
    await live.clock.until(live.executor.run(agent, { input: "x", id: "r" }));
    const events = await live.store.journal.read("r");
    const hanging = createWorld(script, {
      secrets,
      agents: [makeAgent([{ ...tool, execute: () => new Promise(() => {}) }])],
    });
    await hanging.executor.start(makeAgent([{ ...tool, execute: () => new Promise(() => {}) }]), { input: "x", id: "r" });
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
    hanging.store.die();
    const next = createWorld(script, { secrets, agents: [agent], from: { ...hanging, store: hanging.store.peer("memory/2") } });
    await next.clock.until((await next.executor.resume("r")).result);
    const resumed = foldJournal(await next.store.journal.read("r"))?.state;
    expect(resumed?.messages).toEqual(foldJournal(events)?.state.messages);
    expect(inputs).toEqual([{ to: "[redacted TOKEN]" }, { to: "[redacted TOKEN]" }]);
  });

  it("is not shown to an approval policy either: it decides about the arguments that will run", async () => {
    const seen: unknown[] = [];
    const pay = makeTool("pay", async (input) => void seen.push(input), { approval: (input) => (seen.push(input), false) });
    const world = createWorld([{ calls: [{ name: "pay", input: { to: CANARY } }] }, { text: "end" }], { secrets });
    await world.clock.until(world.executor.run(makeAgent([pay]), "x"));
    expect(seen).toEqual([{ to: "[redacted TOKEN]" }, { to: "[redacted TOKEN]" }]);
  });

  it("is in nothing that a tool source leaves behind, and in no warning about it", async () => {
    const { observer, seen } = recorder();
    const source = {
      name: "box",
      open: async () => ({
        tools: [],
        afterRun: async () => ({ artifacts: [{ name: "log.txt", content: `it was ${CANARY}` }] }),
      }),
      cleanup: () => Promise.reject(new Error(`403 for ${CANARY}`)),
    };
    const world = createWorld([{ text: "end" }], { secrets, observers: [observer] });
    await world.clock.until(world.executor.run({ ...makeAgent([]), sources: [source] }, { input: "x", id: "r" }));
    const added = (await world.store.journal.read("r")).find(({ type }) => type === "artifact.added");
    const bytes = await world.blobs.get(added?.type === "artifact.added" ? added.data.hash : "");
    expect(new TextDecoder().decode(bytes)).toBe("it was [redacted TOKEN]");
    const warnings = seen.filter((one) => typeof one === "string");
    expect(warnings).toEqual(["the tool source box could not be cleaned up: 403 for [redacted TOKEN]"]);
  });

  it("is in no result and in no warning of a run whose store failed with it", async () => {
    const { observer, seen } = recorder();
    let fails = false;
    const fault = { only: () => fails, error: new Error(`cannot reach postgres://app:${CANARY}@db`) };
    const through = (store: Store): Store =>
      faultyStore(store, [
        { ...fault, method: "journal.append" },
        { ...fault, method: "runs.get" },
      ]);
    const script = (): ScriptedAnswer => ((fails = true), { text: "end" });
    const world = createWorld(script, { secrets, observers: [observer], through });
    const driven = await world.clock.until(world.executor.run(makeAgent([]), { input: "x", id: "r" }));
    expect(driven).toMatchObject({ status: "interrupted", error: { message: expect.stringContaining("[redacted TOKEN]@db") } });
    fails = false;
    const hanging = createWorld(() => ({ hang: true }), { secrets });
    await hanging.executor.start(makeAgent([]), { input: "x", id: "h" });
    const watching = createWorld([], { secrets, through, from: { ...hanging, store: hanging.store.peer("memory/2") } });
    const joined = await watching.executor.start(makeAgent([]), { input: "x", id: "h" });
    fails = true;
    await hanging.executor.send("h", { kind: "steer", content: "on" });
    const read = await hanging.clock.until(joined.result);
    expect(read).toMatchObject({ status: "interrupted", error: { message: expect.stringContaining("[redacted TOKEN]@db") } });
    expect([driven, read, seen].map(leaks)).toEqual([false, false, false]);
  });

  it("is in nothing that is said of a run that cannot go on", async () => {
    const { observer, seen } = recorder();
    const wait = makeTool("wait", async (_input, context) => context.sleep(1_000));
    const first = createWorld([{ calls: [{ name: "wait" }] }], { secrets });
    await first.clock.until(first.executor.run(makeAgent([wait]), { input: "x", id: "w" }));
    const error = new Error(`cannot reach postgres://app:${CANARY}@db`);
    let fails = false;
    const through = (store: Store): Store => faultyStore(store, [{ method: "journal.read", error, only: () => fails }]);
    const store = first.store.peer("memory/2");
    const second = createWorld([], { secrets, through, observers: [observer], from: { ...first, store } });
    const { executor, clock } = second;
    await executor.recover();
    fails = true;
    clock.advance(1_500);
    await executor.send("w", { kind: "steer", content: "on" }).catch(() => {});
    clock.advance(100);
    await expect.poll(() => seen).toContainEqual(expect.stringContaining("it is due, but cannot go on here: cannot reach"));
    const asked = await Promise.allSettled([
      executor.resume("w"),
      executor.result("w"),
      executor.status("w"),
      executor.plan("w"),
      executor.replay("w"),
      executor.fork("w", { at: 1 }),
    ]);
    const reasons = asked.flatMap((one) => (one.status === "rejected" ? [String(one.reason)] : []));
    expect(reasons).toHaveLength(6);
    const dying = createWorld([{ hang: true }], { from: { ...first, store: first.store.peer("memory/3") } });
    await dying.executor.start(makeAgent([]), { input: "x", id: "d" });
    dying.store.die();
    const { skipped } = await executor.recover();
    expect(skipped).toMatchObject([{ run: "d" }]);
    expect([seen, reasons, skipped].map(leaks)).toEqual([false, false, false]);
  });

  it("is asked for before a fork, which may be the first thing that a process does", async () => {
    const first = createWorld(() => ({ text: "end" }));
    const agents = [makeAgent([])];
    await first.clock.until(first.executor.run(makeAgent([]), { input: "go", id: "r" }));
    const next = createWorld(() => ({ text: "end" }), { secrets: () => secrets, agents, from: first });
    const fork = await next.executor.fork("r", { at: 1, edit: { input: CANARY }, id: "f" });
    expect(await next.clock.until(fork.result)).toMatchObject({ status: "completed" });
    expect([await next.store.journal.read("f"), next.models.calls].map(leaks)).toEqual([false, false]);
  });

  it("may be split over the pieces of a stream", async () => {
    const { observer, deltas } = recorder();
    const models = scriptedModel([]);
    const [candidate] = await models.resolve("x");
    const pieces = ["It is can", "ary-0123", "456789, I th", "ink can"];
    const chatty = {
      id: candidate?.id ?? "",
      call: async (_call: unknown, { onPart }: { readonly onPart: (delta: ModelDelta) => void }) => {
        for (const text of pieces) onPart({ type: "text.delta", text });
        return { content: [{ type: "text" as const, text: pieces.join("") }], finish: "stop" as const, usage: {} };
      },
    };
    const world = createWorld([], { secrets, observers: [observer], models: { resolve: async () => [chatty] } });
    const result = await world.clock.until(world.executor.run(makeAgent([]), "x"));
    expect(result.output).toBe("It is [redacted TOKEN], I think can");
    expect(deltas.map(({ text }) => text).join("")).toBe(result.output);
  });

  it("may come from the environment or from a function that is asked again", async () => {
    process.env["EXECUTUS_TEST_SECRET"] = CANARY;
    const byName = createWorld([{ text: CANARY }], { secrets: [{ env: "EXECUTUS_TEST_SECRET" }, { env: "EXECUTUS_TEST_NONE" }] });
    expect((await byName.clock.until(byName.executor.run(makeAgent([]), "x"))).output).toBe("[redacted EXECUTUS_TEST_SECRET]");
    delete process.env["EXECUTUS_TEST_SECRET"];
    const rotated = [["old-secret"], ["new-secret"]];
    const asked = createWorld(() => ({ text: "old-secret new-secret" }), { secrets: () => rotated.shift() ?? [] });
    expect((await asked.clock.until(asked.executor.run(makeAgent([]), "x"))).output).toBe("[redacted] new-secret");
    expect((await asked.clock.until(asked.executor.run(makeAgent([]), "x"))).output).toBe("old-secret [redacted]");
  });

  it("has at least six characters", () => {
    expect(() => createWorld([], { secrets: ["abc"] })).toThrow("a registered secret has fewer than 6 characters");
    expect(() => createWorld([], { secrets: [{ name: "PIN", value: "1234" }] })).toThrow("the secret PIN has fewer than 6");
  });
});

describe("a vault that is away", () => {
  const reason = `it leaked ${CANARY}`;

  it.each([
    ["rejects", () => Promise.reject(new Error("the vault is sealed"))],
    ["does not answer", () => new Promise<readonly Secret[]>(() => {})],
  ] as const)("keeps nobody from ending a run when it %s; the reason is left out", async (_how, away) => {
    let isAway = false;
    const { observer, seen } = recorder();
    const provider = async (): Promise<readonly Secret[]> => (isAway ? away() : secrets);
    const world = createWorld([{ calls: [{ name: "wait" }] }], { secrets: provider, observers: [observer] });
    const hangs = makeTool(
      "wait",
      async (_input, { signal }) => new Promise((_, reject) => signal.addEventListener("abort", reject)),
    );
    const handle = await world.executor.start(makeAgent([hangs]), { input: "Go", id: "r" });
    isAway = true;
    expect(await world.clock.until(handle.kill(reason))).toBe("accepted");
    expect(await world.clock.until(handle.result)).toMatchObject({ status: "killed" });
    const events = await world.store.journal.read("r");
    expect(events.find(({ type }) => type === "cancel.requested")).not.toHaveProperty("reason");
    expect(seen).toContainEqual(expect.stringContaining("without a reason: the registered secrets could not be read"));
    expect([events, seen].map(leaks)).toEqual([false, false]);
  });

  it("lets nothing else through", async () => {
    let isAway = false;
    const sealed = new Error("the vault is sealed");
    const provider = async (): Promise<readonly Secret[]> => (isAway ? Promise.reject(sealed) : secrets);
    const world = createWorld([{ text: "Done." }], { secrets: provider });
    await world.clock.until(world.executor.run(makeAgent([]), { input: "Go", id: "r" }));
    isAway = true;
    await expect(world.executor.send("r", { kind: "steer", content: "faster" })).rejects.toThrow("the vault is sealed");
    await expect(world.executor.start(makeAgent([]), "Go")).rejects.toThrow("the vault is sealed");
  });

  it("is waited for when it answers: then the reason comes along, without the secret", async () => {
    const world = createWorld([{ calls: [{ name: "wait" }] }], { secrets: async () => secrets });
    const hangs = makeTool(
      "wait",
      async (_input, { signal }) => new Promise((_, reject) => signal.addEventListener("abort", reject)),
    );
    const handle = await world.executor.start(makeAgent([hangs]), { input: "Go", id: "r" });
    expect(await world.clock.until(handle.cancel(reason))).toBe("accepted");
    await world.clock.until(handle.result);
    expect(JSON.stringify(await world.store.journal.read("r"))).toContain("it leaked [redacted TOKEN]");
  });
});
