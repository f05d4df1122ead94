import { LLMock } from "@copilotkit/aimock";
import { createExecutor, createModels, defineTool, defineAgent } from "../../src/index.ts";
import { startFaultServer } from "./fault-server.ts";
const up = new LLMock({ port: 0, chunkSize: 8, logLevel: "silent" });
up.on({}, (r) => {
  const n = r.messages.filter((m) => m.role === "tool").length;
  const usage = { input_tokens: 100, output_tokens: 20 };
  if (n > 0) return { content: "All done.", usage };
  return { content: "Adding.", reasoning: "I should add twice.", reasoningSignature: "sig-abc123", usage, toolCalls: [
    { id: "call_a", name: "add", arguments: '{"a":1,"b":2}' }, { id: "call_b", name: "add", arguments: '{"a":3,"b":4}' } ] };
});
await up.start();
const add = defineTool({ name: "add", description: "adds", input: { type: "object", properties: { a: { type: "number" }, b: { type: "number" } } } as const, effect: "read", execute: ({ a, b }: any) => a + b });
for (const model of ["openai/gpt-5-mini", "anthropic/claude-sonnet-4-5", "local/qwen3"]) {
  await using server = await startFaultServer(up.url);
  const env = { OPENAI_API_KEY: "k", OPENAI_BASE_URL: `${server.url}/v1`, ANTHROPIC_API_KEY: "k", ANTHROPIC_BASE_URL: `${server.url}/v1`, EXECUTUS_BASE_URL: `${server.url}/v1` };
  await using executor = createExecutor({ models: createModels({ env, tiers: {} }) });
  const agent = defineAgent({ name: "adder", instructions: "Add.", tools: [add], model });
  const h = await executor.start(agent, "Please add.");
  const result = await h.result;
  console.log(model, JSON.stringify(result, null, 1));
  for await (const e of h.events({ follow: false })) console.log(JSON.stringify(e));
  console.log(JSON.stringify(server.requests.map((r) => r.body), null, 1));
  const raw = await (await fetch(`${up.url}${server.requests[0]!.path}`, { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer k", "x-api-key": "k", "anthropic-version": "2023-06-01" }, body: JSON.stringify(server.requests[0]!.body) })).text();
  console.log(raw);
}
await up.stop();
