/**
 * pi agent core: the plain `Agent`, which cannot persist, and `AgentHarness` on a session in a JSONL file (appended without a
 * flush). Its models stream: `start`, then `done` with the whole message.
 */
import { join } from "node:path";
import { Agent, AgentHarness, JsonlSessionRepo } from "@earendil-works/pi-agent-core";
import { BACKGROUND_CONTEXT } from "@earendil-works/pi-agent-core/harness/context";
import { NodeExecutionEnv } from "@earendil-works/pi-agent-core/node";
import { createAssistantMessageEventStream, createModels, createProvider, Type } from "@earendil-works/pi-ai";
import { INSTRUCTIONS, lookup, PROMPT, TOOL, USAGE } from "../../workload.ts";

const free = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };
const MODEL = {
  id: "mock-1",
  name: "mock",
  api: "mock",
  provider: "mock",
  baseUrl: "http://127.0.0.1:0",
  reasoning: false,
  input: ["text"],
  cost: free,
  contextWindow: 1e9,
  maxTokens: 16_384,
};
const usage = {
  input: USAGE.input,
  output: USAGE.output,
  cacheRead: 0,
  cacheWrite: 0,
  totalTokens: USAGE.input + USAGE.output,
  cost: { ...free, total: 0 },
};

function streamOf(next) {
  const stream = createAssistantMessageEventStream();
  void (async () => {
    const { text, calls, last } = await next();
    const message = {
      role: "assistant",
      api: MODEL.api,
      provider: MODEL.provider,
      model: MODEL.id,
      usage,
      timestamp: Date.now(),
      stopReason: last ? "stop" : "toolUse",
      content: [
        { type: "text", text },
        ...calls.map(({ id, name, input }) => ({ type: "toolCall", id, name, arguments: input })),
      ],
    };
    stream.push({ type: "start", partial: { ...message, content: [], stopReason: "pending" } });
    stream.push({ type: "done", reason: message.stopReason, message });
    stream.end(message);
  })();
  return stream;
}

const tools = [
  {
    name: TOOL.name,
    label: TOOL.name,
    description: TOOL.description,
    parameters: Type.Object({ item: Type.Number(), query: Type.String() }),
    execute: async (_id, { item }) => ({ content: [{ type: "text", text: lookup(item) }], details: undefined }),
  },
];

const textOf = (message) => message.content.find(({ type }) => type === "text").text;

export async function open({ variant, folder }) {
  if (variant === "harness-jsonl") return openHarness(folder);
  return {
    run: async ({ next }) => {
      const initialState = { systemPrompt: INSTRUCTIONS, model: MODEL, tools };
      const agent = new Agent({ initialState, streamFn: () => streamOf(next) });
      await agent.prompt(PROMPT);
      return textOf(agent.state.messages.at(-1));
    },
  };
}

function modelsOf(next) {
  const stream = () => streamOf(next);
  const apiKey = { name: "none", resolve: async () => ({ auth: { apiKey: "none" }, source: "mock" }), login: () => undefined };
  const models = createModels();
  models.setProvider(createProvider({ id: "mock", models: [MODEL], api: { stream, streamSimple: stream }, auth: { apiKey } }));
  return models;
}

async function openHarness(folder) {
  const repo = new JsonlSessionRepo({
    fileSystem: new NodeExecutionEnv({ cwd: folder }),
    sessionsRoot: join(folder, "sessions"),
  });
  return {
    run: async ({ next }) => {
      const session = await repo.create({ cwd: folder }, BACKGROUND_CONTEXT);
      const settings = { model: MODEL, models: modelsOf(next), systemPrompt: INSTRUCTIONS, tools, activeToolNames: [TOOL.name] };
      const { harness } = await AgentHarness.create({ session, ...settings }, BACKGROUND_CONTEXT);
      const lane = await harness.lane("main", BACKGROUND_CONTEXT);
      await lane.prompt(PROMPT, undefined, BACKGROUND_CONTEXT);
      const { message } = await lane.findEntry({ order: "newestFirst", limit: 1 }, BACKGROUND_CONTEXT);
      await harness.close(BACKGROUND_CONTEXT);
      return textOf(message);
    },
    close: () => repo.close(BACKGROUND_CONTEXT),
  };
}
