import { describe, expect, test } from "vitest";
import type { AssistantPart, FileData, Message, ToolOutput, UserPart } from "../../ports/messages.ts";
import type { SpecVersion, SupportedUrls } from "./language-model.ts";
import { type PromptContext, toPromptMessage } from "./prompt-parts.ts";
import { familyOf } from "./provider-family.ts";

const BYTES = new Uint8Array([1, 2, 3]);
const BLOB: FileData = { type: "blob", hash: "h", bytes: 3 };
const WEB: FileData = { type: "url", url: "https://files.example/a.png" };
const IMAGES: SupportedUrls = { "image/*": [/^https:/] };

function contextOf(version: SpecVersion = "v4", provider = "anthropic.messages", urls: SupportedUrls = {}): PromptContext {
  return { id: "p/m", version, family: familyOf(provider), urls, bytes: new Map([["h", BYTES]]) };
}

function assistantContent(content: readonly AssistantPart[], context = contextOf()): unknown {
  return toPromptMessage({ role: "assistant", content }, context)?.content;
}

function userContent(content: readonly UserPart[], context = contextOf()): unknown {
  return toPromptMessage({ role: "user", content }, context)?.content;
}

function outputOf(output: ToolOutput, context: PromptContext): unknown {
  const message: Message = { role: "tool", content: [{ type: "tool-result", toolCallId: "a", toolName: "t", output }] };
  const content = toPromptMessage(message, context)?.content as readonly { readonly output: unknown }[] | undefined;
  return content?.[0]?.output;
}

test("S39 metadata of a part goes back to the provider as its options", () => {
  const providerMetadata = { anthropic: { signature: "s" } };
  expect(
    assistantContent([
      { type: "reasoning", text: "Hm", providerMetadata },
      { type: "text", text: "", providerMetadata },
      { type: "text", text: "" },
      { type: "tool-call", toolCallId: "a", toolName: "t", input: { x: 1 }, providerMetadata },
    ]),
  ).toEqual([
    { type: "reasoning", text: "Hm", providerOptions: providerMetadata },
    { type: "text", text: "", providerOptions: providerMetadata },
    { type: "tool-call", toolCallId: "a", toolName: "t", input: { x: 1 }, providerOptions: providerMetadata },
  ]);
});

test("options that the user put on an own part stay, whoever they are for", () => {
  const providerMetadata = { openai: { imageDetail: "low" }, anthropic: { cacheControl: { type: "ephemeral" } } };
  expect(userContent([{ type: "text", text: "a", providerMetadata }])).toEqual([
    { type: "text", text: "a", providerOptions: providerMetadata },
  ]);
});

test("calls that the provider ran stay in the answer, with their results", () => {
  expect(
    assistantContent([
      { type: "tool-call", toolCallId: "s", toolName: "search", input: "raw", providerExecuted: true },
      { type: "tool-result", toolCallId: "s", toolName: "search", output: { type: "json", value: [] } },
      { type: "reasoning", text: "Hm" },
    ]),
  ).toEqual([
    { type: "tool-call", toolCallId: "s", toolName: "search", input: "raw", providerExecuted: true },
    { type: "tool-result", toolCallId: "s", toolName: "search", output: { type: "json", value: [] } },
    { type: "reasoning", text: "Hm" },
  ]);
});

test("arguments that are no object are sent as none: providers refuse anything else", () => {
  expect(assistantContent([{ type: "tool-call", toolCallId: "a", toolName: "t", input: '{"broken' }])).toEqual([
    { type: "tool-call", toolCallId: "a", toolName: "t", input: {} },
  ]);
});

describe("an answer of another provider", () => {
  const FOREIGN: readonly AssistantPart[] = [
    { type: "reasoning", text: "secret", providerMetadata: { openai: { itemId: "rs_1" } } },
    { type: "reasoning", text: "unsigned" },
    { type: "text", text: "Hi", providerMetadata: { openai: { itemId: "msg_1" }, trace: { id: 7 } } },
    { type: "tool-call", toolCallId: "s", toolName: "web_search", input: {}, providerExecuted: true },
    { type: "tool-result", toolCallId: "s", toolName: "web_search", output: { type: "json", value: [] } },
    { type: "tool-call", toolCallId: "a", toolName: "t", input: {}, providerMetadata: { openai: { itemId: "fc_1" } } },
    { type: "opaque", part: { type: "custom", kind: "openai.compaction", providerMetadata: { openai: { itemId: "c" } } } },
  ];

  test("keeps its text and its calls, and loses what only its maker understands", () => {
    expect(assistantContent(FOREIGN)).toEqual([
      { type: "text", text: "Hi", providerOptions: { trace: { id: 7 } } },
      { type: "tool-call", toolCallId: "a", toolName: "t", input: {} },
    ]);
  });

  test("is whole again for its maker, under any name of it", () => {
    const own = assistantContent(FOREIGN, contextOf("v4", "openai.responses"));
    expect(own).toHaveLength(FOREIGN.length);
    for (const provider of ["azure.responses", "my-proxy.responses", "gateway"]) {
      expect(assistantContent(FOREIGN, contextOf("v4", provider))).toEqual(own);
    }
  });

  test("goes from Vertex to Gemini and from Bedrock's Claude to Anthropic unharmed", () => {
    const signed = (namespace: string): AssistantPart => ({
      type: "reasoning",
      text: "x",
      providerMetadata: { [namespace]: { signature: "s" } },
    });
    expect(assistantContent([signed("vertex")], contextOf("v4", "google.generative-ai"))).toHaveLength(1);
    expect(assistantContent([signed("anthropic")], contextOf("v4", "bedrock.anthropic.messages"))).toHaveLength(1);
    expect(assistantContent([signed("mistral")], contextOf("v4", "google.generative-ai"))).toBeUndefined();
  });

  test("of a provider nobody knows is kept", () => {
    const content: readonly AssistantPart[] = [{ type: "reasoning", text: "x", providerMetadata: { homegrown: { a: 1 } } }];
    expect(assistantContent(content)).toHaveLength(1);
  });
});

test("only custom content and files of reasoning are handed back; sources and unknown kinds never are", () => {
  const providerMetadata = { anthropic: { id: "x" } };
  const content: readonly AssistantPart[] = [
    { type: "opaque", part: { type: "custom", kind: "anthropic.compaction", providerMetadata } },
    { type: "opaque", part: { type: "reasoning-file", mediaType: "image/png", data: { type: "blob", hash: "h", bytes: 3 } } },
    { type: "opaque", part: { type: "source", id: "1", url: "https://x" } },
    { type: "opaque", part: { type: "tool-approval-request", approvalId: "1", toolCallId: "a" } },
    { type: "opaque", part: { type: "hologram" } },
    { type: "text", text: "Hi" },
  ];
  expect(assistantContent(content)).toEqual([
    { type: "custom", kind: "anthropic.compaction", providerOptions: providerMetadata },
    { type: "reasoning-file", mediaType: "image/png", data: { type: "data", data: BYTES } },
    { type: "text", text: "Hi" },
  ]);
  expect(assistantContent(content, contextOf("v3"))).toEqual([{ type: "text", text: "Hi" }]);
});

describe("files of a user", () => {
  const file = (data: FileData): UserPart => ({ type: "file", mediaType: "image/png", filename: "a.png", data });
  const rest = { type: "file", mediaType: "image/png", filename: "a.png" };
  const text: FileData = { type: "text", text: "abc" };

  test("are tagged in V4", () => {
    const context = contextOf("v4", "p", IMAGES);
    expect(userContent([file(BLOB), file(WEB), file(text)], context)).toEqual([
      { ...rest, data: { type: "data", data: BYTES } },
      { ...rest, data: { type: "url", url: new URL("https://files.example/a.png") } },
      { ...rest, data: { type: "text", text: "abc" } },
    ]);
  });

  test.each(["v2", "v3"] as const)("are bytes or an address in %s", (version) => {
    const context = contextOf(version, "p", IMAGES);
    expect(userContent([file(BLOB), file(WEB), file(text)], context)).toEqual([
      { ...rest, data: BYTES },
      { ...rest, data: new URL("https://files.example/a.png") },
      { ...rest, data: new TextEncoder().encode("abc") },
    ]);
  });

  test("by an address that the provider does not fetch are refused with what to do", () => {
    const context = contextOf("v4", "p", { "application/pdf": [/^https:/] });
    expect(() => userContent([file(WEB)], context)).toThrow(
      "p/m takes by URL only application/pdf of certain addresses, and the conversation has image/png at https://files.example/a.png: attach the bytes instead",
    );
    expect(() => userContent([file(WEB)])).toThrow("p/m takes no file by URL");
  });
});

describe("files in a tool result", () => {
  const output = (data: FileData, mediaType = "image/png"): ToolOutput => ({
    type: "content",
    value: [
      { type: "text", text: "see" },
      { type: "file", mediaType, filename: "f", data },
    ],
  });
  const see = { type: "text", text: "see" };

  test("have the shape of each version", () => {
    const base64 = Buffer.from(BYTES).toString("base64");
    expect(outputOf(output(BLOB), contextOf("v4"))).toEqual({
      type: "content",
      value: [see, { type: "file", mediaType: "image/png", filename: "f", data: { type: "data", data: BYTES } }],
    });
    expect(outputOf(output(BLOB), contextOf("v3"))).toEqual({
      type: "content",
      value: [see, { type: "image-data", data: base64, mediaType: "image/png" }],
    });
    expect(outputOf(output(BLOB, "application/pdf"), contextOf("v3"))).toEqual({
      type: "content",
      value: [see, { type: "file-data", data: base64, mediaType: "application/pdf", filename: "f" }],
    });
    expect(outputOf(output(BLOB), contextOf("v2"))).toEqual({
      type: "content",
      value: [see, { type: "media", data: base64, mediaType: "image/png" }],
    });
  });

  test("by an address are sent where they are taken, and are a sentence elsewhere, because history cannot be refused", () => {
    const sentence = { type: "content", value: [see, { type: "text", text: "[image/png at https://files.example/a.png]" }] };
    expect(outputOf(output(WEB), contextOf("v3", "p", IMAGES))).toEqual({
      type: "content",
      value: [see, { type: "image-url", url: "https://files.example/a.png" }],
    });
    expect(outputOf(output(WEB), contextOf("v4"))).toEqual(sentence);
    expect(outputOf(output(WEB), contextOf("v2", "p", IMAGES))).toEqual(sentence);
  });
});
