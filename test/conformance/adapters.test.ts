/** The project's own adapters pass the suites that it gives to whoever writes one. Stores, blobs: beside their adapters. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { writeFile as writeFileLater } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { convertArrayToReadableStream, MockLanguageModelV4 } from "ai/test";
import { describe, it } from "vitest";
import { systemClock } from "../../src/adapters/clock/system.ts";
import { createModelCompactor } from "../../src/adapters/compactor/model.ts";
import { delegatesInFolders } from "../../src/adapters/delegates/folders.ts";
import { createDelegates } from "../../src/adapters/delegates/list.ts";
import { file } from "../../src/adapters/delivery/file.ts";
import { webhook } from "../../src/adapters/delivery/webhook.ts";
import { openLocalFiles } from "../../src/adapters/files/local.ts";
import { fromAiSdkModel } from "../../src/adapters/models/ai-sdk.ts";
import { createMemoryStore } from "../../src/adapters/store/memory.ts";
import { createMemoryLedger } from "../../src/adapters/store/memory-ledger.ts";
import { openSqliteStore } from "../../src/adapters/store/sqlite.ts";
import { modelSupervisor } from "../../src/adapters/supervision/model.ts";
import { rulesSupervisor } from "../../src/adapters/supervision/rules.ts";
import { mcpServer } from "../../src/adapters/tools/mcp.ts";
import { createTools } from "../../src/adapters/tools/registry.ts";
import { ExecutusError } from "../../src/kernel/errors.ts";
import type { Skill } from "../../src/ports/delegates.ts";
import type { Ledger } from "../../src/ports/budget.ts";
import type { Models } from "../../src/ports/models.ts";
import type { RunEnding } from "../../src/ports/tool-source.ts";
import * as kit from "../../src/testing/index.ts";
import { localServer } from "../delivery/local-server.ts";
import { makeTool } from "../support/world.ts";

const api = { describe, it };
const text = (name: string): string => `the text of ${name}`;

function folder(): { readonly path: string; readonly close: () => Promise<void> } {
  const path = mkdtempSync(join(tmpdir(), "executus-conformance-"));
  return { path, close: async () => rmSync(path, { recursive: true, force: true }) };
}

kit.clockConformance(api, "the system's clock", async () => ({ clock: systemClock }));
kit.clockConformance(api, "the fake clock", async () => {
  const clock = kit.createFakeClock();
  return { clock, pass: async (ms) => clock.advance(ms) };
});

/** That of a store, as an executor uses it. */
function budgetsOf({ budgets }: { readonly budgets?: Ledger }): Ledger {
  if (budgets === undefined) throw new Error("this store keeps no ledger");
  return budgets;
}

kit.ledgerConformance(api, "the ledger in memory", async () => ({ ledger: createMemoryLedger() }));
kit.ledgerConformance(api, "the ledger of the memory store", async () => ({ ledger: budgetsOf(createMemoryStore()) }));
kit.ledgerConformance(api, "the ledger of the SQLite store", async () => {
  const { path, close } = folder();
  const store = openSqliteStore({ file: join(path, "runs.db") });
  return { ledger: budgetsOf(store), close: async () => (await store[Symbol.asyncDispose](), close()) };
});

kit.deliveryConformance(api, "delivery to files", async () => {
  const { path, close } = folder();
  const root = join(path, "out");
  const received = async (): Promise<readonly string[]> =>
    existsSync(root) ? readdirSync(root, { recursive: true }).map(String) : [];
  const impossible = { kind: "file", id: "../elsewhere.json" };
  return { adapter: file({ root }), target: { kind: "file" }, received, impossible, close };
});
kit.deliveryConformance(api, "delivery to a webhook", async () => {
  const server = await localServer(({ path }) => ({ status: path === "/in" ? 204 : 500, body: "" }));
  const adapter = webhook({
    endpoints: { in: `${server.url}/in`, out: `${server.url}/out` },
    credentials: () => `whsec_${"A".repeat(43)}=`,
  });
  const good = () => server.asked.filter(({ path }) => path === "/in");
  return {
    adapter,
    target: { kind: "webhook", id: "in" },
    received: async () => good().map(({ headers }) => String(headers["webhook-id"])),
    impossible: { kind: "webhook", id: "nowhere" },
    broken: { kind: "webhook", id: "out" },
    close: async () => server[Symbol.asyncDispose](),
  };
});

kit.toolSourceConformance(api, "a folder for each run", async () => {
  const { path, close } = folder();
  const of = (key: string): string => join(path, key);
  const source = {
    name: "workspace",
    open: async ({ key }: { readonly key: string }) => {
      mkdirSync(of(key), { recursive: true });
      return {
        tools: [makeTool("workspace__note", async () => "noted")],
        cleanup: { folder: of(key) },
        afterRun: async ({ output, signal }: RunEnding) => {
          await writeFileLater(join(of(key), "output.txt"), output, { signal });
          return { artifacts: [{ name: "output.txt", content: output }] };
        },
      };
    },
    cleanup: async ({ key }: { readonly key: string }) => rmSync(of(key), { recursive: true, force: true }),
  };
  return { source, isThere: async (key) => existsSync(of(key)), close };
});
kit.toolSourceConformance(api, "an MCP server", async () => {
  const server = join(import.meta.dirname, "../support/small-mcp-server.ts");
  return { source: mcpServer("small", { command: process.execPath, args: [server] }) };
});

/** Tiers as a provider has them: one that answers, one that calls, one that hangs, one that fails. */
function tiers(candidates: Readonly<Record<string, () => ReturnType<typeof fromAiSdkModel>>>): Models {
  return {
    resolve: async (tier) => {
      const candidate = candidates[tier]?.();
      if (candidate === undefined) throw new ExecutusError("model_unknown", `there is no tier ${tier}`);
      return [candidate];
    },
  };
}

const FINISH = {
  type: "finish",
  finishReason: { unified: "stop", raw: "end_turn" },
  usage: { inputTokens: { total: 10 }, outputTokens: { total: 5 } },
};
const streaming = (...parts: readonly object[]): ReturnType<typeof fromAiSdkModel> =>
  fromAiSdkModel(
    new MockLanguageModelV4({
      provider: "mock.messages",
      doStream: async () => ({ stream: convertArrayToReadableStream(parts as never[]) }),
    }),
  );
const said = [
  { type: "text-start", id: "1" },
  { type: "text-delta", id: "1", delta: "Hello." },
  { type: "text-end", id: "1" },
];
const called = { type: "tool-call", toolCallId: "c1", toolName: "look", input: "{}" };

kit.modelsConformance(api, "models of the AI SDK", async () => ({
  models: tiers({
    fast: () => streaming(...said, FINISH),
    calling: () => streaming(called, { ...FINISH, finishReason: { unified: "tool-calls", raw: "tool_use" } }),
    silent: () =>
      fromAiSdkModel(
        new MockLanguageModelV4({
          doStream: ({ abortSignal }) =>
            new Promise((_, reject) => abortSignal?.addEventListener("abort", () => reject(abortSignal.reason as Error))),
        }),
      ),
    failing: () => streaming(...said),
  }),
  tier: "fast",
  calling: "calling",
  silent: "silent",
  failing: "failing",
  unknown: "slow",
}));
kit.modelsConformance(api, "a scripted model", async () => ({ models: kit.scriptedModel([{ text: "Hello." }]), tier: "fast" }));
kit.modelsConformance(api, "a scripted model that calls, hangs and fails", async () => {
  const script: Readonly<Record<string, kit.ScriptedAnswer>> = {
    calling: { calls: [{ name: "look" }, { name: "look" }] },
    silent: { hang: true },
    failing: { error: new Error("no") },
  };
  const resolve: Models["resolve"] = async (tier) => kit.scriptedModel([script[tier] ?? { text: "Hello." }]).resolve(tier);
  return { models: { resolve }, tier: "fast", calling: "calling", silent: "silent", failing: "failing" };
});

kit.toolsConformance(api, "a registry in code", async () => ({
  tools: createTools([makeTool("look", async () => "seen", { effect: "read" }), makeTool("write", async () => "written")]),
}));

const skill = (name: string): Skill => ({ kind: "skill", name, description: text(name), body: async () => text(name) });
kit.delegatesConformance(api, "a palette in code", async () => ({
  delegates: createDelegates([{ name: "scout", instructions: "Look." }, skill("haiku")]),
}));
kit.delegatesConformance(api, "folders of Markdown", async () => {
  const { path, close } = folder();
  mkdirSync(join(path, "agents"));
  mkdirSync(join(path, ".agents/skills/haiku"), { recursive: true });
  writeFileSync(join(path, "agents/scout.md"), "---\nname: scout\ndescription: Looks.\n---\n\nLook around.\n");
  writeFileSync(
    join(path, ".agents/skills/haiku/SKILL.md"),
    "---\nname: haiku\ndescription: Writes a haiku.\n---\n\nThree lines.\n",
  );
  return { delegates: delegatesInFolders({ agents: [join(path, "agents")], project: path, home: path, trust: true }), close };
});

kit.filesConformance(api, "files of this machine", async () => {
  const { path, close } = folder();
  writeFileSync(join(path, "a.txt"), text("a"));
  const there = { source: { path: join(path, "a.txt") }, bytes: readFileSync(join(path, "a.txt")), name: "a.txt" };
  return { files: openLocalFiles(), file: there, missing: { path: join(path, "b.txt") }, close };
});

kit.compactorConformance(api, "a compactor with a model", async () => ({
  compactor: createModelCompactor({ models: kit.scriptedModel(() => ({ text: "Pages were read." })) }),
}));
kit.supervisorConformance(api, "rules", async () => ({ supervisor: rulesSupervisor() }));
kit.supervisorConformance(api, "a supervisor that asks a model", async () => ({
  supervisor: modelSupervisor({
    models: kit.scriptedModel(() => ({ text: '{"action":"nudge","message":"Elsewhere.","reason":"stale"}' })),
  }),
}));
