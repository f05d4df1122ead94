/**
 * Every place that asks for an address that somebody else chose, with the table of `guarded-fetch.test.ts` (79 addresses, redirects,
 * rebinding) in front of a server that must not be reached. The guard itself is tested beside its code; here it is in its places.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { webhook } from "../../src/adapters/delivery/webhook.ts";
import { openLocalFiles } from "../../src/adapters/files/local.ts";
import { mcpServer } from "../../src/adapters/tools/mcp.ts";
import { createExecutor } from "../../src/create-executor.ts";
import { scriptedModel } from "../../src/testing/scripted-model.ts";
import { deliveryOf, localServer, patience } from "../delivery/local-server.ts";
import { REFUSED_ADDRESSES } from "../support/refused-addresses.ts";

let server: Server;
let port: number;
let reached: string[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    reached.push(`${request.method} ${request.url}`);
    response.end("reached");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ({ port } = server.address() as AddressInfo);
});

beforeEach(() => {
  reached = [];
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** Those with a made-up name need its resolver; here the system's is asked, which knows none of them. */
const addresses = (): readonly string[] => REFUSED_ADDRESSES.map((address) => address.replace("PORT", String(port)));

describe("nothing of this machine or its network is reached", () => {
  it("by attachments of a request", async () => {
    const executor = createExecutor({
      models: scriptedModel(() => ({ text: "end" })),
      files: openLocalFiles({ timeoutMs: 2_000 }),
    });
    const asked = addresses().filter((address) => !address.includes(".test"));
    expect(asked.length).toBeGreaterThan(60);
    for (const url of asked) {
      const result = await executor.run({ name: "reader", instructions: "" }, { input: "go", attachments: [{ url }] });
      expect(result, url).toMatchObject({
        status: "failed",
        error: { code: expect.stringMatching(/^(url_refused|attachment_unreadable|request_invalid)$/) },
      });
    }
    expect(reached).toEqual([]);
  });

  it("by webhooks of a request, neither when it is accepted nor when it is delivered", async () => {
    const credentials = (): string => `whsec_${Buffer.alloc(32, 1).toString("base64")}`;
    const adapter = webhook({ credentials });
    for (const url of addresses().filter((address) => !address.includes(".test"))) {
      const target = { kind: "webhook", url };
      const outcome = await Promise.resolve()
        .then(() => adapter.check?.(target))
        .then(() => adapter.deliver(deliveryOf(target), patience()))
        .catch((error: unknown) => (error instanceof Error ? error.message : ""));
      expect(outcome, url).toSatisfy(
        (said: unknown) => typeof said === "string" || JSON.stringify(said).includes('"permanent":true'),
      );
    }
    expect(reached).toEqual([]);
  });

  it("by a webhook's redirect, which is its answer", async () => {
    const credentials = (): string => `whsec_${Buffer.alloc(32, 1).toString("base64")}`;
    await using outside = await localServer(() => ({ status: 307, headers: { location: `http://127.0.0.1:${port}/` } }));
    const adapter = webhook({ credentials, urls: { allowedHosts: [outside.host] } });
    const report = await adapter.deliver(deliveryOf({ kind: "webhook", url: `${outside.url}/hook` }), patience());
    expect(report).toMatchObject({ outcome: "failed", error: expect.stringContaining("307") });
    expect([outside.asked.length, reached]).toEqual([1, []]);
  });

  it("by an MCP server's redirect: it stays with the server that was configured, and so do its headers", async () => {
    const models = scriptedModel(() => ({ text: "end" }));
    for (const status of [301, 302, 303, 307, 308]) {
      await using outside = await localServer(() => ({ status, headers: { location: `http://127.0.0.1:${port}/mcp` } }));
      const config = {
        type: "http",
        url: `${outside.url}/mcp`,
        headers: { authorization: "Bearer canary", "x-key": "canary" },
      } as const;
      const sources = [mcpServer("web", config, { connectTimeoutMs: 2_000 })];
      const result = await createExecutor({ models, sources }).run({ name: "a", instructions: "", mcpServers: ["web"] }, "go");
      expect(result).toMatchObject({ status: "failed", error: { code: "source_failed" } });
      expect(outside.asked.length).toBeGreaterThan(0);
    }
    expect(reached).toEqual([]);
  });
});

it("an MCP server over HTTP is bounded in bytes as on standard output, in one answer and in a stream of events", async () => {
  for (const type of ["application/json", "text/event-stream"]) {
    const flood = (id: unknown, result: object): string => {
      const message = JSON.stringify({ jsonrpc: "2.0", id, result });
      return type === "application/json" ? message : `data: ${message}\n\n`;
    };
    await using web = await localServer(({ json }) => {
      const { id, method, params } = json as { id?: number; method?: string; params?: { protocolVersion?: string } };
      if (id === undefined) return { status: 202, body: "" };
      const serverInfo = { name: "web", version: "1" };
      const hello = { protocolVersion: params?.protocolVersion, capabilities: { tools: {} }, serverInfo };
      const tools = [{ name: "flood", inputSchema: { type: "object" }, annotations: { readOnlyHint: true } }];
      const content = [{ type: "text", text: "x".repeat(200_000) }];
      const result = method === "initialize" ? hello : method === "tools/list" ? { tools } : { content };
      return { headers: { "content-type": type }, body: flood(id, result) };
    });
    const models = scriptedModel(({ step }) => (step === 0 ? { calls: [{ name: "mcp__web__flood" }] } : { text: "end" }));
    const run = (maxMessageBytes: number) => {
      const sources = [mcpServer("web", { type: "http", url: `${web.url}/mcp` }, { maxMessageBytes, callTimeoutMs: 5_000 })];
      return createExecutor({ models, sources }).run({ name: "a", instructions: "", mcpServers: ["web"] }, "go");
    };
    expect((await run(300_000)).steps[0]?.calls).toMatchObject([{ outcome: "ok" }]);
    const bounded = await run(100_000);
    expect(bounded.steps[0]?.calls, type).toMatchObject([{ outcome: "error" }]);
    expect(bounded.status).toBe("completed");
  }
});
