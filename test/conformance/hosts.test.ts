/** Functions as hosts give them to an executor pass the suites for them: those of the guide, of the command line, and over files. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "vitest";
import { loadAgent } from "../../src/adapters/agents/load-agent.ts";
import { createMemoryLedger } from "../../src/adapters/store/memory-ledger.ts";
import { cliSecrets } from "../../src/hosts/cli/secrets.ts";
import { isExecutusError } from "../../src/kernel/errors.ts";
import type { Agent } from "../../src/ports/definition.ts";
import type { AgentFinder } from "../../src/run/types.ts";
import * as kit from "../../src/testing/index.ts";
import { makeAgent, makeTool } from "../support/world.ts";

const api = { describe, it };

function folder(): { readonly path: string; readonly close: () => Promise<void> } {
  const path = mkdtempSync(join(tmpdir(), "executus-hosts-"));
  return { path, close: async () => rmSync(path, { recursive: true, force: true }) };
}

kit.admitConformance(api, "a gate that knows who is gone", async () => ({
  admit: ({ tenant }) => ({ admitted: tenant !== "gone", reason: "the account is closed" }),
  admitted: { agent: "clerk", tenant: "acme" },
  refused: { agent: "clerk", tenant: "gone" },
}));
kit.admitConformance(api, "a gate that looks into a ledger", async () => {
  const ledger = createMemoryLedger();
  const account = { key: "spent", per: "tenant", name: "spent", window: "day", since: 0, limit: { calls: 1 } } as const;
  const nothing = { usd: 0, tokens: 0, seconds: 0, calls: 0 };
  await ledger.apply("earlier", {
    reserve: { effect: "model:0.1", amount: { ...nothing, calls: 1 }, spare: nothing, accounts: [account] },
  });
  return {
    admit: async ({ tenant = "" }) => {
      const standings = await ledger.standings({ per: "tenant", name: tenant });
      const isFull = standings.some(({ used, reserved, limit }) => used.calls + reserved.calls >= (limit.calls ?? Infinity));
      return isFull ? { admitted: false, reason: `${tenant} has used its calls` } : { admitted: true };
    },
    admitted: { agent: "clerk", tenant: "acme" },
    refused: { agent: "clerk", tenant: "spent" },
  };
});

const find = (agents: readonly Agent[]): AgentFinder => {
  return async ({ name }) => agents.find((agent) => agent.name === name);
};
kit.agentsConformance(api, "a list of agents in code", async () => ({
  find: find([
    { ...makeAgent([makeTool("look", async () => "seen")]), name: "clerk" },
    { ...makeAgent([]), name: "scout" },
  ]),
  known: [{ name: "clerk" }, { name: "scout" }],
}));
kit.agentsConformance(api, "agents in Markdown files and modules", async () => {
  const { path, close } = folder();
  const scout = join(path, "scout.md");
  writeFileSync(scout, "---\nname: scout\ndescription: Looks.\ntools: [read_file]\n---\n\nLook around.\n");
  const clerk = join(path, "clerk.mjs");
  writeFileSync(clerk, 'export const agent = { name: "clerk", instructions: "Answer from the price list." };\n');
  return {
    find: async ({ source }) => {
      if (source === undefined) return undefined;
      return loadAgent(source).then(
        ({ agent }) => agent,
        (error: unknown) => {
          if (isExecutusError(error) && error.code === "agent_unknown") return undefined;
          throw error;
        },
      );
    },
    known: [
      { name: "scout", source: scout },
      { name: "clerk", source: clerk },
    ],
    close,
  };
});

kit.laneChoiceConformance(api, "a lane for each caller", async () => ({
  lanes: ({ caller }) => (caller === undefined ? undefined : { key: caller, concurrency: 2 }),
  queued: [
    { agent: "clerk", caller: "anna" },
    { agent: "scout", caller: "ben", priority: 7 },
  ],
}));
kit.laneChoiceConformance(api, "lanes that share a bound", async () => ({
  lanes: ({ agent, tenant = "none" }) => ({ key: `${agent}.${tenant}`, concurrency: 1, group: agent, total: 4, priority: 1 }),
  queued: [{ agent: "clerk", tenant: "acme" }, { agent: "clerk" }],
}));

kit.secretsConformance(api, "the secrets of the command line", async () => {
  const env = { OTHER_API_KEY: "sk-0123456789", DB_TOKEN: "tok-4f9a1c77e0", HOME: "/home/anna", EXECUTUS_SECRETS: "DB_TOKEN" };
  return { secrets: () => cliSecrets(env), holds: [env.OTHER_API_KEY, env.DB_TOKEN] };
});
kit.secretsConformance(api, "secrets named by variables", async () => {
  process.env["EXECUTUS_TEST_TOKEN"] = "tok-4f9a1c77e0";
  return {
    secrets: () => [{ env: "EXECUTUS_TEST_TOKEN" }, { env: "EXECUTUS_TEST_NONE" }],
    holds: ["tok-4f9a1c77e0"],
    close: async () => void delete process.env["EXECUTUS_TEST_TOKEN"],
  };
});
kit.secretsConformance(api, "a vault that is a file", async () => {
  const { path, close } = folder();
  const file = join(path, "vault/secrets.json");
  mkdirSync(join(path, "vault"));
  const store = (values: readonly string[]): void => writeFileSync(file, JSON.stringify(values));
  store(["tok-4f9a1c77e0", "hunter2-hunter2"]);
  const known = new Set<string>();
  return {
    secrets: async () => {
      for (const value of JSON.parse(await readFile(file, "utf8")) as readonly string[]) known.add(value);
      return [...known].map((value, i) => ({ name: `VAULT_${i}`, value }));
    },
    holds: ["tok-4f9a1c77e0", "hunter2-hunter2"],
    renew: async () => (store(["tok-77e0", "hunter2-hunter2"]), ["tok-77e0"]),
    cutOff: async () => rmSync(join(path, "vault"), { recursive: true }),
    close,
  };
});
