import type { LLMock } from "@copilotkit/aimock";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fromAiSdkModel } from "../../src/adapters/models/ai-sdk.ts";
import { isModelCallError, type ModelCallError, toModelFailure } from "../../src/kernel/model-error.ts";
import type { ModelAnswer, ModelCall, ModelDelta } from "../../src/ports/models.ts";
import { type FaultServer, startFaultServer } from "./fault-server.ts";
import { API_KEY, startModelServer, TEXT, type Wire, WIRES } from "./wires.ts";

const ADD = {
  name: "add",
  description: "Adds two numbers.",
  inputSchema: { type: "object", properties: { a: { type: "number" }, b: { type: "number" } } },
  effect: "read",
} as const;

function callOf(): ModelCall {
  return {
    run: "run_test",
    step: 0,
    attempt: 1,
    instructions: "Answer.",
    messages: [{ role: "user", content: [{ type: "text", text: "Please." }] }],
    tools: [ADD],
    toolChoice: "auto",
    settings: { maxOutputTokens: 1000 },
  };
}

let upstream: LLMock;
beforeAll(async () => {
  upstream = await startModelServer();
});
afterAll(async () => {
  await upstream.stop();
});

interface Trial {
  readonly server: FaultServer;
  readonly wire: Wire;
}

interface Told {
  readonly deltas: ModelDelta[];
  signs: number;
}

async function ask({ server, wire }: Trial, id: string, signal?: AbortSignal, told?: Told): Promise<ModelAnswer> {
  const candidate = fromAiSdkModel(wire.model(server.url, id));
  return candidate.call(callOf(), {
    signal: signal ?? new AbortController().signal,
    onPart(delta) {
      if (told === undefined) return;
      told.signs++;
      if (delta !== undefined) told.deltas.push(delta);
    },
  });
}

async function failureOf(promise: Promise<ModelAnswer>): Promise<ModelCallError> {
  const error = await promise.then(
    (answer) => new Error(`answered: ${JSON.stringify(answer.content)}`),
    (error: unknown) => error,
  );
  if (!isModelCallError(error)) throw error;
  return error;
}

describe.each(WIRES)("$name over HTTP", (wire) => {
  const start = async (): Promise<Trial & AsyncDisposable> => {
    const server = await startFaultServer(upstream.url);
    return { server, wire, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  };

  test("streams text and tells of every piece of it", async () => {
    await using trial = await start();
    const told: Told = { deltas: [], signs: 0 };
    const answer = await ask(trial, "m-text", undefined, told);
    expect(answer).toMatchObject({ finish: "stop", usage: { inputTokens: 12, outputTokens: 7 } });
    expect(answer.content.filter((part) => part.type === "text").map((part) => part.text)).toEqual([TEXT]);
    expect(told.deltas.map((delta) => delta.text).join("")).toBe(TEXT);
    expect(told.deltas.length).toBeGreaterThan(3);
    expect(told.signs).toBeGreaterThan(told.deltas.length);
  });

  test("reads parallel tool calls in order, with parsed arguments", async () => {
    await using trial = await start();
    const answer = await ask(trial, "m-tools");
    expect(answer.finish).toBe("tool-calls");
    expect(answer.content.filter((part) => part.type === "tool-call")).toMatchObject([
      { toolCallId: "call_a", toolName: "add", input: { a: 1, b: 2 } },
      { toolCallId: "call_b", toolName: "add", input: { a: 3, b: 4 } },
    ]);
  });

  test("takes its own answer back in the next prompt", async () => {
    await using trial = await start();
    const candidate = fromAiSdkModel(wire.model(trial.server.url, "m-tools"));
    const options = { signal: new AbortController().signal, onPart: () => {} };
    const first = callOf();
    const answer = await candidate.call(first, options);
    const results = ["call_a", "call_b"].map((toolCallId) => ({
      type: "tool-result" as const,
      toolCallId,
      toolName: "add",
      output: { type: "text" as const, value: `result of ${toolCallId}` },
    }));
    const messages = [
      ...first.messages,
      { role: "assistant", content: answer.content } as const,
      { role: "tool", content: results } as const,
    ];
    await candidate.call({ ...first, step: 1, messages }, options);
    const sent = JSON.stringify(trial.server.requests[1]?.body);
    for (const text of ["call_a", "call_b", "result of call_a", "result of call_b"]) expect(sent).toContain(text);
  });

  test("a 429 is retryable and carries the seconds of retry-after", async () => {
    await using trial = await start();
    const body = JSON.stringify({ type: "error", error: { type: "rate_limit_error", message: "slow down" } });
    trial.server.fail({ type: "reply", status: 429, headers: { "retry-after": "7" }, body });
    const failure = await failureOf(ask(trial, "m-text"));
    expect(failure).toMatchObject({ code: "model_overloaded", retryable: true, statusCode: 429, retryAfterMs: 7000 });
    expect(failure.message).toMatch(/\/m-text: 429 rate limited: slow down$/);
  });

  test("a 429 whose retry-after is a date is measured against the clock", async () => {
    await using trial = await start();
    const date = new Date(Date.now() + 60_000).toUTCString();
    trial.server.fail({ type: "reply", status: 429, headers: { "retry-after": date }, body: "{}" });
    const { retryAfterMs = 0 } = await failureOf(ask(trial, "m-text"));
    expect(retryAfterMs).toBeGreaterThan(30_000);
    expect(retryAfterMs).toBeLessThanOrEqual(60_000);
  });

  test("a 500 is retryable, a 400 is not", async () => {
    await using trial = await start();
    trial.server.fail({ type: "reply", status: 500, body: "oops" }, { type: "reply", status: 400, body: "{}" });
    expect(await failureOf(ask(trial, "m-text"))).toMatchObject({ code: "model_unavailable", retryable: true, statusCode: 500 });
    expect(await failureOf(ask(trial, "m-text"))).toMatchObject({ code: "model_failed", retryable: false, statusCode: 400 });
  });

  test("a refused key is named as such and never quoted", async () => {
    await using trial = await start();
    const body = JSON.stringify({ type: "error", error: { type: "authentication_error", message: `bad key ${API_KEY}` } });
    trial.server.fail({ type: "reply", status: 401, body });
    const failure = toModelFailure(await failureOf(ask(trial, "m-text")));
    expect(failure).toMatchObject({ error: { code: "model_unauthorized" }, retryable: false });
    expect(failure.error.message).toContain("bad key [removed]");
  });

  test("a server that is not there is retryable", async () => {
    const trial = await start();
    await trial[Symbol.asyncDispose]();
    expect(await failureOf(ask(trial, "m-text"))).toMatchObject({ code: "model_unavailable", retryable: true });
  });

  test("a connection cut in the middle rejects, and nothing of it is used", async () => {
    await using trial = await start();
    trial.server.fail({ type: "break", before: wire.finish, by: "reset" });
    expect(await failureOf(ask(trial, "m-text"))).toMatchObject({ retryable: true });
  });

  test("a clean end without a finish rejects, also after complete tool calls", async () => {
    await using trial = await start();
    trial.server.fail({ type: "break", before: wire.finish, by: "eof" }, { type: "break", before: wire.finish, by: "eof" });
    for (const id of ["m-text", "m-tools"]) {
      expect(await failureOf(ask(trial, id))).toMatchObject({ code: "model_incomplete", retryable: true });
    }
  });

  test("an end inside the arguments of a tool call rejects", async () => {
    await using trial = await start();
    trial.server.fail({ type: "break", before: wire.middleOfArguments, by: "eof" });
    expect(await failureOf(ask(trial, "m-tools"))).toMatchObject({ code: "model_incomplete", retryable: true });
  });

  test("an abort gets out of a server that never answers, and hangs up", async () => {
    await using trial = await start();
    trial.server.fail({ type: "stall" });
    const controller = new AbortController();
    const reason = new Error("first token overdue");
    const asked = ask(trial, "m-text", controller.signal);
    await trial.server.stalled;
    controller.abort(reason);
    await expect(asked).rejects.toBe(reason);
    await trial.server.stalledClientGone;
  });

  test("an abort gets out of a stream that falls silent, and hangs up", async () => {
    await using trial = await start();
    trial.server.fail({ type: "break", before: wire.finish, by: "stall" });
    const controller = new AbortController();
    const reason = new Error("idle for too long");
    const asked = ask(trial, "m-text", controller.signal);
    await trial.server.stalled;
    controller.abort(reason);
    await expect(asked).rejects.toBe(reason);
    await trial.server.stalledClientGone;
  });

  test("an error that comes with status 200 rejects", async () => {
    await using trial = await start();
    trial.server.fail({ type: "reply", status: 200, body: '{"error":{"message":"no capacity"}}' });
    expect(await failureOf(ask(trial, "m-text"))).toMatchObject({ code: "model_incomplete", retryable: true });
  });

  test("an event that is no JSON rejects", async () => {
    await using trial = await start();
    trial.server.fail({ type: "insert", before: wire.finish, event: wire.garbage });
    const failure = await failureOf(ask(trial, "m-text"));
    expect(failure).toMatchObject({ code: "model_incomplete", retryable: true });
    expect(failure.message).toContain("could not be read");
  });
});

describe("openai-compatible servers", () => {
  const wire = WIRES.find(({ name }) => name === "openai-compatible") as Wire;

  test("an event without choices in the middle changes nothing", async () => {
    await using server = await startFaultServer(upstream.url);
    server.fail({ type: "insert", before: wire.finish, event: 'data: {"id":"x","choices":[]}' });
    expect(await ask({ server, wire }, "m-text")).toMatchObject({ finish: "stop", content: [{ type: "text", text: TEXT }] });
  });

  test("a stream of events without choices is no answer", async () => {
    await using server = await startFaultServer(upstream.url);
    server.fail({ type: "events", events: ['data: {"id":"x","choices":[]}', "data: [DONE]"] });
    expect(await failureOf(ask({ server, wire }, "m-text"))).toMatchObject({ code: "model_incomplete", retryable: true });
  });

  test("an error event in the middle of a stream rejects with the server's reason", async () => {
    await using server = await startFaultServer(upstream.url);
    const event = 'data: {"error":{"message":"GPU fell off","type":"server_error","code":null}}';
    server.fail({ type: "insert", before: wire.finish, event });
    const failure = await failureOf(ask({ server, wire }, "m-text"));
    expect(failure).toMatchObject({ retryable: true });
    expect(failure.message).toContain("GPU fell off");
  });
});
