/** Providers that fail in the middle of a run: what is tried again, what is not, and that nothing of a broken answer is run. */
import type { LLMock } from "@copilotkit/aimock";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunEvent, RunResult } from "../../src/index.ts";
import { END_TO_END_WIRES, type EndToEndWire, pairedCalls } from "./end-to-end-wires.ts";
import { ADDITIONS, createWorld, eventsOfType, SENT_ADDITIONS, startScriptedServer, type World } from "./end-to-end-world.ts";
import type { Fault } from "./fault-server.ts";
import { API_KEY } from "./wires.ts";

const SUMS = ["1+2", "3+4", "5+6", "3+7", "10+11"];
/** The second piece of a text, of which the first has been sent. */
const MIDDLE_OF_TEXT = /"(?:delta|text|content)":"he numbe"/;
const QUIET_MS = 300;

let upstream: LLMock;
beforeAll(async () => {
  upstream = await startScriptedServer(ADDITIONS);
});
afterAll(async () => {
  await upstream.stop();
});

async function start(wire: EndToEndWire, ...faults: readonly Fault[]): Promise<World> {
  const world = await createWorld({ upstream: upstream.url, wires: [wire] });
  world.server.fail(...faults);
  return world;
}

/** The run got to its end as if nothing had happened, whatever attempts are recorded as failed. */
function expectOrdinary(wire: EndToEndWire, world: World, result: RunResult): void {
  expect(result).toMatchObject({ status: "completed", output: "The sum is 21.", usage: { inputTokens: 3500, outputTokens: 87 } });
  expect(world.executed).toEqual(SUMS);
  expect(pairedCalls(wire, world.server.requests.at(-1)?.body)).toEqual(SENT_ADDITIONS);
}

describe.concurrent.each(END_TO_END_WIRES)("a run over $name that is told to wait", (wire) => {
  test("waits the seconds that a 429 asks for, then asks once more", async () => {
    await using world = await start(wire, { type: "none" }, refusal(429, { "retry-after": "1" }));
    const result = await world.run();
    expectOrdinary(wire, world, result);
    const { failed, restarted } = await onlyFailure(world, result);
    expect(failed).toMatchObject({ step: 1, retryable: true, retryAfterMs: 1000, error: { code: "model_overloaded" } });
    expect(restarted.at - failed.at).toBeGreaterThanOrEqual(1000);
    expect(world.server.requests).toHaveLength(4);
    expect(world.server.requests[2]?.body).toEqual(world.server.requests[1]?.body);
  });

  test("waits for the date that a 429 names, then asks once more", async () => {
    // A date has whole seconds: this one is between one and two of them away.
    const date = new Date(Date.now() + 2000).toUTCString();
    await using world = await start(wire, refusal(429, { "retry-after": date }));
    const result = await world.run();
    expectOrdinary(wire, world, result);
    const { restarted } = await onlyFailure(world, result);
    expect(restarted.at).toBeGreaterThanOrEqual(Date.parse(date));
    expect(world.server.requests).toHaveLength(4);
  });
});

describe.each(END_TO_END_WIRES)("a run over $name", (wire) => {
  test("asks again after a 500", async () => {
    await using world = await start(wire, refusal(500), { type: "none" }, refusal(500));
    const result = await world.run();
    expectOrdinary(wire, world, result);
    expect(world.server.requests).toHaveLength(5);
    const failures = eventsOfType(await world.journal(result.run), "model.failed");
    expect(failures.map(({ step, retryable, error }) => [step, retryable, error.code])).toEqual([
      [0, true, "model_unavailable"],
      [1, true, "model_unavailable"],
    ]);
  });

  test.each([
    [400, "model_failed", "400 bad request: max_tokens is too large"],
    [401, "model_unauthorized", "401 unauthorized: bad key [removed]"],
  ] as const)("ends at once on a %i, with the provider's reason", async (status, code, reason) => {
    const message = status === 401 ? `bad key ${API_KEY}` : "max_tokens is too large";
    await using world = await start(wire, refusal(status, {}, message));
    const result = await world.run();
    expect(result).toMatchObject({ status: "failed", error: { code, message: `${wire.model}: ${reason}` } });
    expect(world.server.requests).toHaveLength(1);
    expect(JSON.stringify(await world.journal(result.run))).not.toContain(API_KEY);
  });

  test.each([
    ["cut in its text", MIDDLE_OF_TEXT, "reset"],
    ["cut in the arguments of a call", wire.middleOfArguments, "reset"],
    ["that ends in the arguments of a call", wire.middleOfArguments, "eof"],
    ["that ends after its calls, without a finish", wire.finish, "eof"],
  ] as const)("runs nothing of an answer %s, and asks again", async (_name, before, by) => {
    await using world = await start(wire, { type: "break", before, by });
    const result = await world.run();
    expectOrdinary(wire, world, result);
    expect(world.server.requests).toHaveLength(4);
    const { failed, journal } = await onlyFailure(world, result);
    expect(failed).toMatchObject({ step: 0, retryable: true });
    expect(["model_incomplete", "model_unavailable"]).toContain(failed.error.code);
    expect(journal.filter(({ seq }) => seq < failed.seq).map(({ type }) => type)).toEqual(["run.started", "model.started"]);
    expect(result.usage.unknownCalls).toBe(1);
  });

  test.each([
    ["before the first byte", { type: "stall" }, "firstTokenMs", "first-token"],
    ["after its calls, without a finish", { type: "break", before: wire.finish, by: "stall" }, "idleTokenMs", "idle"],
  ] as const)("leaves a provider that hangs %s, runs nothing of it, and asks again", async (_name, fault, limit, word) => {
    await using world = await start(wire, fault);
    // More attempts than faults: on a loaded machine an honest answer may be as slow as a hang.
    const result = await world.run({ [limit]: QUIET_MS, modelAttempts: 10 });
    const failures = eventsOfType(await world.journal(result.run), "model.failed");
    expectOrdinary(wire, world, result);
    const message = `${wire.model} timed out: ${QUIET_MS} ms without a sign of life (${word})`;
    expect(failures[0]).toMatchObject({ step: 0, retryable: true, error: { code: "model_timeout", message } });
    await world.server.stalledClientGone;
  });

  test("fails with a timeout when the provider does nothing but hang", async () => {
    await using world = await start(wire, { type: "stall" }, { type: "stall" });
    const result = await world.run({ firstTokenMs: 100, modelAttempts: 2 });
    expect(result).toMatchObject({ status: "failed", output: "", error: { code: "model_timeout" }, usage: { unknownCalls: 2 } });
    const types = (await world.journal(result.run)).map(({ type }) => type);
    const attempt = ["model.started", "model.failed"];
    expect(types).toEqual(["run.started", ...attempt, ...attempt, "run.settling", "run.finished"]);
  });

  test("is cancelled in the middle of a hang, and hangs up", async () => {
    await using world = await start(wire, { type: "none" }, { type: "break", before: wire.finish, by: "stall" });
    const handle = await world.executor.start(world.agent, "Add 1 to 6.");
    await world.server.stalled;
    expect(await handle.cancel("not needed any more")).toBe("accepted");
    const result = await handle.result;
    await world.server.stalledClientGone;
    expect(result).toMatchObject({ status: "cancelled", error: { code: "cancelled", message: "not needed any more" } });
    expect(world.executed).toEqual(SUMS.slice(0, 3));
    expect(world.server.requests).toHaveLength(2);
    expect((await world.journal(result.run)).at(-1)).toMatchObject({ type: "run.finished", status: "cancelled" });
  });
});

function refusal(status: number, headers: Readonly<Record<string, string>> = {}, message = "no luck"): Fault {
  return { type: "reply", status, headers, body: JSON.stringify({ type: "error", error: { type: "some_error", message } }) };
}

interface Failure {
  readonly failed: Extract<RunEvent, { readonly type: "model.failed" }>;
  /** The attempt that followed. */
  readonly restarted: RunEvent;
  readonly journal: readonly RunEvent[];
}

async function onlyFailure(world: World, { run }: RunResult): Promise<Failure> {
  const journal = await world.journal(run);
  const failures = eventsOfType(journal, "model.failed");
  expect(failures).toHaveLength(1);
  const [failed] = failures;
  const restarted = eventsOfType(journal, "model.started").find(({ seq }) => failed !== undefined && seq > failed.seq);
  if (failed === undefined || restarted === undefined) throw new Error("no attempt followed the failure");
  expect(restarted).toMatchObject({ step: failed.step, attempt: 2, model: failed.model });
  return { failed, restarted, journal };
}
