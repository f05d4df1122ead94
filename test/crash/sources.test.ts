/** Runs with tool sources, stopped before and after each of their writes; real folders that must not stay. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ToolSource } from "../../src/ports/tool-source.ts";
import type { Tool } from "../../src/ports/tools.ts";
import { type Scenario, survivesEverywhere } from "../support/crash-points.ts";
import { createWorld, makeAgent, makeTool } from "../support/world.ts";

let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "executus-sources-"));
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

/** A folder for the run, whose tool writes into it and whose ending reads from it. */
function workspace(effects: string[], more: Partial<ToolSource> = {}): ToolSource {
  return {
    name: "workspace",
    open: async ({ key }) => {
      const folder = join(home, key);
      mkdirSync(folder, { recursive: true });
      return {
        tools: [note(folder, effects)],
        cleanup: { folder },
        afterRun: async () => {
          const names = readdirSync(folder).toSorted();
          return { artifacts: names.map((name) => ({ name, content: readFileSync(join(folder, name), "utf8") })) };
        },
      };
    },
    cleanup: async ({ key }) => rmSync(join(home, key), { recursive: true, force: true }),
    ...more,
  };
}

function note(folder: string, effects: string[]): Tool {
  return makeTool("workspace__note", async (input, context) => {
    effects.push(context.idempotencyKey);
    writeFileSync(join(folder, `${context.call}.txt`), JSON.stringify(input));
    return "noted";
  });
}

const call = (n: number) => ({ name: "workspace__note", input: { n } });

const scenarios: Readonly<Record<string, Scenario>> = {
  "a folder for the run": {
    script: [{ calls: [call(1), call(2)] }, { calls: [call(3)] }, { text: "end" }],
    tools: () => [],
    config: (effects) => ({ sources: [workspace(effects, { everyRun: true })] }),
  },
  "two sources, one of them optional and broken": {
    script: [{ calls: [call(1)] }, { text: "end" }],
    tools: () => [],
    agent: { sources: ["workspace", { source: "broken", optional: true }] },
    config: (effects) => ({
      sources: [workspace(effects), { name: "broken", open: () => Promise.reject(new Error("not today")) }],
    }),
  },
  "an afterRun and a cleanup that fail": {
    script: [{ calls: [call(1)] }, { text: "end" }],
    tools: () => [],
    config: (effects) => ({
      sources: [
        workspace(effects, { everyRun: true }),
        {
          name: "bad",
          everyRun: true,
          open: async () => ({ tools: [], afterRun: () => Promise.reject(new Error("no")) }),
          cleanup: () => Promise.reject(new Error("no")),
        },
      ],
    }),
  },
};

describe.each(Object.entries(scenarios))("%s", (_name, scenario) => {
  it("S16 S30 survives a stop before and after each write, and leaves no folder", async () => {
    expect(await survivesEverywhere(scenario)).toBeGreaterThan(8);
    expect(readdirSync(home)).toEqual([]);
  });
});

const turns = async (n: number): Promise<void> => {
  for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
};

it("S16 the next process cleans the folder of one that died before its descriptor was journaled", async () => {
  const dies = workspace([], {
    open: async ({ key }) => {
      mkdirSync(join(home, key), { recursive: true });
      return new Promise(() => {});
    },
  });
  const agent = { ...makeAgent([]), sources: ["workspace"] };
  const first = createWorld([{ hang: true }], { sources: [dies] });
  await first.executor.start(agent, { input: "go", id: "r" });
  await turns(3);
  expect(existsSync(join(home, "r.workspace"))).toBe(true);
  first.store.die();
  const next = createWorld([], { sources: [workspace([])], from: { ...first, store: first.store.peer("memory/2") } });
  await next.executor.send("r", { kind: "cancel" });
  const result = await next.clock.until((await next.executor.resume("r")).result);
  expect(result.status).toBe("cancelled");
  const journal = await next.store.journal.read("r");
  expect(journal.filter(({ type }) => type === "source.opened")).toEqual([]);
  expect(readdirSync(home)).toEqual([]);
});

it("S30 what a run wrote before its process died is on its result, as files in the store", async () => {
  const agent = { ...makeAgent([]), sources: ["workspace"] };
  const first = createWorld((model) => (model.step === 0 ? { calls: [call(1)] } : { hang: true }), { sources: [workspace([])] });
  await first.executor.start(agent, { input: "go", id: "r" });
  await turns(60);
  first.store.die();
  const next = createWorld([{}, { text: "end" }], {
    sources: [workspace([])],
    from: { ...first, store: first.store.peer("memory/2") },
  });
  const result = await next.clock.until((await next.executor.resume("r")).result);
  expect(result.artifacts).toMatchObject([{ name: "0.0.txt", mediaType: "text/plain" }]);
  expect(new TextDecoder().decode(await next.blobs.get(result.artifacts[0]?.data.hash ?? ""))).toBe('{"n":1}');
  expect(await next.executor.result("r")).toMatchObject({ artifacts: result.artifacts });
  expect(readdirSync(home)).toEqual([]);
});
