import { expect, test } from "vitest";
import type { Blobs } from "../../ports/blobs.ts";
import type { Message } from "../../ports/messages.ts";
import type { LanguageModel, SpecVersion } from "./language-model.ts";
import { PromptCache } from "./prompt-cache.ts";

function cacheOf(
  options: { provider?: string; version?: SpecVersion; blobs?: Blobs; urls?: Record<string, RegExp[]> } = {},
): PromptCache {
  const { provider = "openai.responses", version = "v4", blobs, urls = {} } = options;
  const doStream = (): never => {
    throw new Error("not called here");
  };
  const supportedUrls = Promise.resolve(urls);
  const model: LanguageModel = { specificationVersion: version, provider, modelId: "m", supportedUrls, doStream };
  return new PromptCache({ id: "p/m", version, model, blobs });
}

/** Bytes by hash; each read waits until it is let go on. */
function slowBlobs(): Blobs & { readonly reads: string[]; release(): void } {
  const gate = Promise.withResolvers<void>();
  const reads: string[] = [];
  return {
    reads,
    release: () => gate.resolve(),
    put: async () => "",
    collect: async () => 0,
    async get(hash) {
      reads.push(hash);
      await gate.promise;
      return new TextEncoder().encode(hash);
    },
  };
}

function user(text: string): Message {
  return { role: "user", content: [{ type: "text", text }] };
}

function assistant(text: string, itemId: string): Message {
  return { role: "assistant", content: [{ type: "text", text, providerMetadata: { openai: { itemId } } }] };
}

function image(hash: string): Message {
  const data = { type: "blob", hash, bytes: 1 } as const;
  return { role: "user", content: [{ type: "file", mediaType: "image/png", data }] };
}

const TOOL_CALL: Message = {
  role: "assistant",
  content: [
    { type: "text", text: "ok" },
    { type: "tool-call", toolCallId: "a", toolName: "t", input: {} },
  ],
};
const TOOL_RESULT: Message = {
  role: "tool",
  content: [{ type: "tool-result", toolCallId: "a", toolName: "t", output: { type: "json", value: [1] } }],
};

test("plain text and tool traffic is passed on as the very same objects", async () => {
  const messages = [user("a"), TOOL_CALL, TOOL_RESULT, user("b")];
  const prompt = await cacheOf().toPrompt("Be brief.", messages);
  expect(prompt[0]).toEqual({ role: "system", content: "Be brief." });
  for (const [index, message] of messages.entries()) expect(prompt[index + 1]).toBe(message);
});

test("no instructions and no messages make no message", async () => {
  expect(await cacheOf().toPrompt("", [])).toEqual([]);
  expect(await cacheOf().toPrompt("", [user("a")])).toHaveLength(1);
});

test("what was converted for one call is used again in the next, whose prompt is an array of its own", async () => {
  const cache = cacheOf();
  const messages = [user("a"), assistant("b", "1")];
  const first = await cache.toPrompt("", messages);
  const second = await cache.toPrompt("", [...messages, user("c"), assistant("d", "2")]);
  expect(first).toHaveLength(2);
  expect(second).toHaveLength(4);
  expect(second[1]).toBe(first[1]);
  expect(second[1]).toEqual({
    role: "assistant",
    content: [{ type: "text", text: "b", providerOptions: { openai: { itemId: "1" } } }],
  });
});

test("every length of a conversation is told apart from the one before", async () => {
  const cache = cacheOf();
  const messages = Array.from({ length: 12 }, (_, index) => user(String(index)));
  for (let length = 1; length <= messages.length; length++) {
    expect(await cache.toPrompt("", messages.slice(0, length))).toEqual(messages.slice(0, length));
  }
  for (let length = messages.length; length > 0; length--) {
    expect(await cache.toPrompt("", messages.slice(0, length))).toEqual(messages.slice(0, length));
  }
});

test("a fork, an edit in the middle and a compaction get their own prompt", async () => {
  const cache = cacheOf();
  const messages = Array.from({ length: 9 }, (_, index) => user(String(index)));
  await cache.toPrompt("", messages);
  const fork = [...messages.slice(0, 5), user("fork")];
  expect(await cache.toPrompt("", fork)).toEqual(fork);
  for (let index = 0; index < messages.length; index++) {
    const edited = messages.with(index, user("edited"));
    expect(await cache.toPrompt("", edited)).toEqual(edited);
    expect(await cache.toPrompt("", messages)).toEqual(messages);
  }
  const compacted = [user("summary"), ...messages.slice(7)];
  expect(await cache.toPrompt("", compacted)).toEqual(compacted);
});

test("messages that leave nothing do not shift the ones after them", async () => {
  const cache = cacheOf();
  const empty: Message = { role: "assistant", content: [{ type: "text", text: "" }] };
  const messages = [user("a"), empty, user("b"), empty, user("c")];
  await cache.toPrompt("", messages.slice(0, 2));
  expect(await cache.toPrompt("", messages)).toEqual([user("a"), user("b"), user("c")]);
  expect(await cache.toPrompt("", [...messages.slice(0, 3), user("d")])).toEqual([user("a"), user("b"), user("d")]);
});

test("bytes are read once, also over several calls", async () => {
  const blobs = slowBlobs();
  blobs.release();
  const cache = cacheOf({ blobs });
  const messages = [image("x"), image("x"), image("y")];
  const first = await cache.toPrompt("", messages);
  await cache.toPrompt("", [...messages, user("more")]);
  expect(blobs.reads).toEqual(["x", "y"]);
  const data = { type: "data", data: new TextEncoder().encode("x") };
  expect(first[0]).toEqual({ role: "user", content: [{ type: "file", mediaType: "image/png", data }] });
});

test("calls for two forks that wait for files at the same time both get their own prompt", async () => {
  const blobs = slowBlobs();
  const cache = cacheOf({ blobs });
  const start = user("start");
  const calls = [
    [start, image("a"), user("1")],
    [start, image("b"), user("2")],
    [start, image("a"), user("1"), image("c")],
    [start, user("3")],
  ];
  const prompts = calls.map(async (messages) => cache.toPrompt("", messages));
  blobs.release();
  const shown = (await Promise.all(prompts)).map((prompt) => JSON.stringify(prompt, decode));
  expect(shown[0]).toMatch(/start.*"a".*"1"/);
  expect(shown[1]).toMatch(/start.*"b".*"2"/);
  expect(shown[2]).toMatch(/start.*"a".*"1".*"c"/);
  expect(shown[3]).toBe(JSON.stringify([start, user("3")]));
});

test("a fork that is converted while a call waits for its files does not get into that call's prompt", async () => {
  const blobs = slowBlobs();
  const cache = cacheOf({ blobs });
  const known = [user("start"), user("1"), user("2")];
  await cache.toPrompt("", known);
  const waiting = cache.toPrompt("", [...known, image("a")]);
  const fork = [...known.slice(0, 1), user("fork")];
  expect(await cache.toPrompt("", fork)).toEqual(fork);
  blobs.release();
  expect(JSON.stringify(await waiting, decode)).toMatch(/start.*"1".*"2".*"a"/);
});

function decode(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : value;
}

test("a stored file without a store to read it from is an error that says so", async () => {
  await expect(cacheOf().toPrompt("", [image("abc")])).rejects.toMatchObject({
    code: "model_unsupported",
    message: "p/m: the conversation has a stored file and no blob store was given to read it from (abc)",
  });
});
