/** Streams that providers really sent, served over HTTP and read through the real packages; AI SDK's own fold is the oracle. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogle } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { isStepCount, streamText } from "ai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fromAiSdkModel } from "../../src/adapters/models/ai-sdk.ts";
import type { LanguageModel } from "../../src/adapters/models/language-model.ts";
import { isModelCallError } from "../../src/kernel/model-error.ts";
import type { AssistantPart, Message } from "../../src/ports/messages.ts";
import type { ModelAnswer, ModelCandidate } from "../../src/ports/models.ts";
import { type FaultServer, startFaultServer } from "./fault-server.ts";

const CORPUS = process.env["EXECUTUS_CORPUS"] ?? join(import.meta.dirname, "../../../shared/corpus");
const FOLDER = join(CORPUS, "open/wire/vercel-ai-chunks");
const isThere = existsSync(FOLDER);
const FILES = isThere ? readdirSync(FOLDER).filter((file) => file.endsWith(".chunks.txt")) : [];

/** Recordings that are no complete answer for the package that reads them, and why. */
const BROKEN: Readonly<Record<string, string>> = {
  "openai__responses__openai-error.1.chunks.txt": "model_overloaded",
  "openai__responses__parallel-tool-call-wrapper.1.chunks.txt": "model_incomplete",
  "xai__responses__xai-web-search-tool.1.chunks.txt": "model_incomplete",
  "xai__responses__xai-x-search-tool.chunks.txt": "model_incomplete",
};

type SdkModel = Parameters<typeof streamText>[0]["model"] & LanguageModel;

function modelOf(file: string, url: string): SdkModel {
  const [provider = "", api = ""] = file.split("__");
  const options = { baseURL: `${url}/v1`, apiKey: "x" };
  if (provider === "anthropic") return createAnthropic(options)("claude-sonnet-4-5");
  if (provider === "google")
    return api === "interactions" ? createGoogle(options).interactions("gemini-3") : createGoogle(options)("gemini-3");
  if (api === "responses") return createOpenAI({ ...options, ...(provider === "openai" ? {} : { name: provider }) })("gpt-5");
  if (provider === "openai")
    return api === "chat" ? createOpenAI(options).chat("gpt-4o") : createOpenAI(options).completion("gpt");
  return createOpenAICompatible({ ...options, name: provider, includeUsage: true })("m");
}

/** One server-sent event per line; some recordings hold several answers one after the other, of which the first is used. */
function eventsOf(file: string): readonly string[] {
  const lines = readFileSync(join(FOLDER, file), "utf8").split("\n").filter(Boolean);
  const end = file.startsWith("anthropic") ? lines.findIndex((line) => line.includes('"message_stop"')) : -1;
  const events = (end < 0 ? lines : lines.slice(0, end + 1)).map((line) => {
    const name = /"(?:event_)?type": ?"([\w.]+)"/.exec(line)?.[1];
    return file.startsWith("anthropic") || file.includes("interactions")
      ? `event: ${name ?? ""}\ndata: ${line}`
      : `data: ${line}`;
  });
  return file.includes("responses") || file.startsWith("anthropic") || file.startsWith("google")
    ? events
    : [...events, "data: [DONE]"];
}

const QUESTION: Message = { role: "user", content: [{ type: "text", text: "Question" }] };

async function ask(candidate: ModelCandidate, messages: readonly Message[]): Promise<ModelAnswer> {
  const call = {
    run: "r",
    step: 0,
    attempt: 1,
    instructions: "",
    messages,
    tools: [],
    toolChoice: "auto",
    settings: {},
  } as const;
  return candidate.call(call, { signal: new AbortController().signal, onPart: () => {} });
}

function textOf(content: readonly AssistantPart[], type: "text" | "reasoning"): string {
  return content.map((part) => (part.type === type ? part.text : "")).join("");
}

describe.skipIf(!isThere)(`recorded streams${isThere ? "" : " (skipped: no corpus)"}`, () => {
  let server: FaultServer;
  beforeAll(async () => {
    server = await startFaultServer();
    Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  test("cover more than the common case", () => {
    expect(FILES.length).toBeGreaterThan(70);
  });

  test.each(FILES.filter((file) => !(file in BROKEN)))("%s gives what AI SDK reads in it", async (file) => {
    const events = eventsOf(file);
    const model = modelOf(file, server.url);
    server.fail({ type: "events", events }, { type: "events", events });
    const answer = await ask(fromAiSdkModel(model), [QUESTION]);
    const result = streamText({ model, prompt: "Question", maxRetries: 0, stopWhen: isStepCount(1) });
    const [text, reasoning, calls, usage, finish] = await Promise.all([
      result.text,
      result.reasoningText,
      result.toolCalls,
      result.usage,
      result.finishReason,
    ]);
    expect(textOf(answer.content, "text")).toBe(text);
    expect(textOf(answer.content, "reasoning")).toBe(reasoning ?? "");
    const ownCalls = answer.content.filter((part) => part.type === "tool-call");
    expect(ownCalls.map((call) => [call.toolName, call.input])).toEqual(calls.map((call) => [call.toolName, call.input]));
    expect(answer.usage.inputTokens).toBe(usage.inputTokens);
    expect(answer.finish).toBe(finish);
    expect(JSON.parse(JSON.stringify(answer))).toEqual(answer);
  });

  test.each(FILES.filter((file) => !(file in BROKEN)))("%s is taken back by the provider it came from", async (file) => {
    const events = eventsOf(file);
    const candidate = fromAiSdkModel(modelOf(file, server.url));
    server.fail({ type: "events", events }, { type: "events", events });
    const { content } = await ask(candidate, [QUESTION]);
    await ask(candidate, [QUESTION, { role: "assistant", content }, ...resultsFor(content), QUESTION]);
    const sent = JSON.stringify(server.requests.at(-1)?.body);
    const starts = content.flatMap((part) => (part.type === "text" ? [startOf(part.text)] : []));
    // A part that the provider keeps on its side is sent back as a reference to it.
    expect(starts.filter((start) => !sent.includes(start) && !sent.includes("item_reference"))).toEqual([]);
  });

  test.each(Object.entries(BROKEN).filter(([file]) => FILES.includes(file)))("%s rejects with %s", async (file, code) => {
    server.fail({ type: "events", events: eventsOf(file) });
    const error: unknown = await ask(fromAiSdkModel(modelOf(file, server.url)), [QUESTION]).catch((error: unknown) => error);
    expect(isModelCallError(error)).toBe(true);
    expect(error).toMatchObject({ code, retryable: true });
  });
});

function startOf(text: string): string {
  return JSON.stringify(text.trim().slice(0, 30)).slice(1, -1);
}

function resultsFor(content: readonly AssistantPart[]): readonly Message[] {
  const calls = content.filter((part) => part.type === "tool-call" && part.providerExecuted !== true);
  if (calls.length === 0) return [];
  const parts = calls.map((call) => ({
    type: "tool-result" as const,
    toolCallId: "toolCallId" in call ? call.toolCallId : "",
    toolName: "toolName" in call ? call.toolName : "",
    output: { type: "text" as const, value: "done" },
  }));
  return [{ role: "tool", content: parts }];
}
