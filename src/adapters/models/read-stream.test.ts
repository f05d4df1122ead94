import type { LanguageModelV4StreamPart } from "@ai-sdk/provider";
import { MockLanguageModelV4 } from "ai/test";
import { expect, test } from "vitest";
import { ModelCallError } from "../../kernel/model-error.ts";
import type { ModelCall, ModelCallOptions } from "../../ports/models.ts";
import { fromAiSdkModel } from "./ai-sdk.ts";

const CALL: ModelCall = {
  run: "run_test",
  step: 0,
  attempt: 1,
  instructions: "",
  messages: [],
  tools: [],
  toolChoice: "auto",
  settings: {},
};
const LISTENING: ModelCallOptions = { signal: new AbortController().signal, onPart: () => {} };
const FINISH = {
  type: "finish",
  finishReason: { unified: "stop", raw: undefined },
  usage: { inputTokens: {}, outputTokens: {} },
};

test("a stream that fails rejects with what happened to it", async () => {
  const stream = new ReadableStream({
    pull: (controller) =>
      controller.error(new TypeError("terminated", { cause: Object.assign(new Error(), { code: "ECONNRESET" }) })),
  });
  const model = new MockLanguageModelV4({ doStream: async () => ({ stream }) });
  await expect(fromAiSdkModel(model).call(CALL, LISTENING)).rejects.toMatchObject({ code: "model_unavailable", retryable: true });
});

test("an abort ends a call to a model that opens no stream and ignores its signal", async () => {
  const reason = new ModelCallError("model_timeout", "too slow");
  const called = Promise.withResolvers<void>();
  const doStream = (): Promise<never> => (called.resolve(), new Promise(() => {}));
  const controller = new AbortController();
  const options = { signal: controller.signal, onPart: () => {} };
  const asked = fromAiSdkModel(new MockLanguageModelV4({ doStream })).call(CALL, options);
  await called.promise;
  controller.abort(reason);
  await expect(asked).rejects.toBe(reason);
});

test("an abort ends a call in the middle of a stream, even if its source never finishes cancelling", async () => {
  const reason = new ModelCallError("model_timeout", "too slow");
  const cancelled = Promise.withResolvers<void>();
  const stream = new ReadableStream({
    start: (controller) => controller.enqueue({ type: "text-start", id: "0" }),
    cancel: () => (cancelled.resolve(), new Promise<void>(() => {})),
  });
  const controller = new AbortController();
  const options = { signal: controller.signal, onPart: () => controller.abort(reason) };
  const asked = fromAiSdkModel(new MockLanguageModelV4({ doStream: async () => ({ stream }) })).call(CALL, options);
  await expect(asked).rejects.toBe(reason);
  await cancelled.promise;
});

test("a stream that arrives after the abort is closed", async () => {
  const late = Promise.withResolvers<{ stream: ReadableStream<LanguageModelV4StreamPart> }>();
  const called = Promise.withResolvers<void>();
  const cancelled = Promise.withResolvers<void>();
  const doStream = (): typeof late.promise => (called.resolve(), late.promise);
  const controller = new AbortController();
  const options = { signal: controller.signal, onPart: () => {} };
  const asked = fromAiSdkModel(new MockLanguageModelV4({ doStream })).call(CALL, options);
  await called.promise;
  controller.abort(new Error("stop"));
  await expect(asked).rejects.toThrow("stop");
  late.resolve({ stream: new ReadableStream({ cancel: () => cancelled.resolve() }) });
  await cancelled.promise;
});

test("an abort while the prompt is being built is heard", async () => {
  const model = new MockLanguageModelV4();
  const controller = new AbortController();
  const options = { signal: controller.signal, onPart: () => {} };
  const asked = fromAiSdkModel(model).call(CALL, options);
  controller.abort(new Error("stop"));
  await expect(asked).rejects.toThrow("stop");
  expect(model.doStreamCalls).toHaveLength(0);
});

test("a call that was aborted before it began does not reach the model", async () => {
  const model = new MockLanguageModelV4();
  const asked = fromAiSdkModel(model).call(CALL, { signal: AbortSignal.abort(new Error("gone")), onPart: () => {} });
  await expect(asked).rejects.toThrow("gone");
  expect(model.doStreamCalls).toHaveLength(0);
});

test("the answer is there at the finish, and the rest of the stream is read so that the connection stays usable", async () => {
  const read = Promise.withResolvers<void>();
  const finish = (controller: ReadableStreamDefaultController): void => {
    controller.close();
    read.resolve();
  };
  let pulls = 0;
  const stream = new ReadableStream(
    {
      pull(controller) {
        pulls++;
        if (pulls === 1) controller.enqueue(FINISH);
        else if (pulls === 2) controller.enqueue({ type: "raw", rawValue: "late" });
        else finish(controller);
      },
    },
    { highWaterMark: 0 },
  );
  expect(
    await fromAiSdkModel(new MockLanguageModelV4({ doStream: async () => ({ stream }) })).call(CALL, LISTENING),
  ).toMatchObject({ finish: "stop" });
  await read.promise;
});
