/** That each suite of the kit fails what does not keep its port's promises: implementations broken in one place each. */
import { expect, it } from "vitest";
import { createMemoryBlobs } from "../../src/adapters/blobs/memory.ts";
import { createDelegates } from "../../src/adapters/delegates/list.ts";
import { createMemoryStore } from "../../src/adapters/store/memory.ts";
import { createMemoryLedger } from "../../src/adapters/store/memory-ledger.ts";
import { createTools } from "../../src/adapters/tools/registry.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Compactor } from "../../src/ports/compactor.ts";
import type { Skill } from "../../src/ports/delegates.ts";
import type { DeliveryAdapter } from "../../src/ports/delivery.ts";
import type { Ledger } from "../../src/ports/budget.ts";
import type { ModelCandidate } from "../../src/ports/models.ts";
import type { SupervisorDecision } from "../../src/ports/supervision.ts";
import type { RunEnding, SourceContext, SourceIdentity, ToolSource } from "../../src/ports/tool-source.ts";
import * as kit from "../../src/testing/index.ts";
import { failures, type Register } from "../support/failures.ts";
import { makeTool } from "../support/world.ts";

const clock = (broken: (clock: kit.FakeClock) => Partial<Clock>): Register => {
  return (api) =>
    kit.clockConformance(api, "broken", async () => {
      const fake = kit.createFakeClock();
      return { clock: { ...fake, ...broken(fake) }, pass: async (ms) => fake.advance(ms) };
    });
};

const ledger = (broken: (ledger: Ledger) => Partial<Ledger>): Register => {
  return (api) =>
    kit.ledgerConformance(api, "broken", async () => {
      const whole = createMemoryLedger();
      return { ledger: { ...whole, ...broken(whole) } };
    });
};

const delivery = (
  deliver: (received: string[], ...given: Parameters<DeliveryAdapter["deliver"]>) => ReturnType<DeliveryAdapter["deliver"]>,
): Register => {
  return (api) =>
    kit.deliveryConformance(api, "broken", async () => {
      const received: string[] = [];
      const adapter: DeliveryAdapter = { kind: "box", deliver: (...given) => deliver(received, ...given) };
      return { adapter, target: { kind: "box" }, received: async () => received, broken: { kind: "box", id: "broken" } };
    });
};

/** Folders in memory. */
const source = (broken: (folders: Set<string>) => Partial<ToolSource>): Register => {
  return (api) =>
    kit.toolSourceConformance(api, "broken", async () => {
      const folders = new Set<string>();
      const whole: ToolSource = {
        name: "box",
        open: async ({ key }) => (folders.add(key), { tools: [makeTool("box__put", async () => "put")], cleanup: { key } }),
        cleanup: async ({ key }) => void folders.delete(key),
      };
      return { source: { ...whole, ...broken(folders) }, isThere: async (key) => folders.has(key) };
    });
};

const models = (call: ModelCandidate["call"], id = "broken/model"): Register => {
  return (api) =>
    kit.modelsConformance(api, "broken", async () => ({
      models: { resolve: async () => [{ id, call }] },
      tier: "fast",
      silent: "fast",
      unknown: "slow",
    }));
};

const look = makeTool("look", async () => "seen");
const write = makeTool("write", async () => "written");
const tools = createTools([look, write]);
const haiku: Skill = { kind: "skill", name: "haiku", description: "", body: async () => "" };
const palette = createDelegates([{ name: "scout", instructions: "Look." }, haiku]);
const text = { type: "text", text: "Hello." } as const;

const compactor = (compact: Compactor["compact"]): Register => {
  return (api) => kit.compactorConformance(api, "broken", async () => ({ compactor: { compact } }));
};
const supervisor = (decide: kit.SupervisorUnderTest["supervisor"]["decide"]): Register => {
  return (api) => kit.supervisorConformance(api, "broken", async () => ({ supervisor: { name: "broken", decide } }));
};

const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it.each<readonly [string, Register, readonly string[]]>([
  [
    "a clock that goes back",
    clock((fake) => ({ monotonic: () => 1_000 - fake.monotonic() - Math.random() })),
    ["measures durations"],
  ],
  [
    "a clock that cannot take back",
    clock((fake) => ({ after: (ms, fire) => (fake.after(ms, fire), () => {}) })),
    ["takes a callback back"],
  ],
  ["a clock that is not random", clock(() => ({ random: () => 0.5 })), ["draws numbers"]],
  ["a clock in a hurry", clock((fake) => ({ after: (ms, fire) => fake.after(ms >= 2 ** 31 ? 1 : ms, fire) })), ["in a year"]],
  [
    "a ledger that counts what it hears twice",
    ledger((whole) => {
      let n = 0;
      return {
        apply: (run, change) =>
          whole.apply(
            run,
            change.reserve === undefined ? change : { ...change, reserve: { ...change.reserve, effect: `${n++}` } },
          ),
      };
    }),
    ["hears the same twice"],
  ],
  [
    "a ledger that looks first and writes later",
    ledger((whole) => {
      let reserved = 0;
      return {
        apply: async (run, change) => {
          const before = reserved;
          await later();
          reserved++;
          const limit = { calls: before < 5 ? 1_000 : 0 };
          const { reserve } = change;
          if (reserve === undefined) return whole.apply(run, change);
          return whole.apply(run, {
            ...change,
            reserve: { ...reserve, accounts: reserve.accounts.map((one) => ({ ...one, limit })) },
          });
        },
      };
    }),
    ["ask at once"],
  ],
  [
    "an adapter with another id each time",
    delivery(async (received, { id, attempt }) => (received.push(`${id} ${attempt}`), { outcome: "delivered" })),
    ["under the same id"],
  ],
  [
    "an adapter that hides failures",
    delivery(async (received, { id, target }) => {
      if (target.id !== "broken") received.push(id);
      return { outcome: "delivered" };
    }),
    ["says what went wrong"],
  ],
  [
    "an adapter that takes all for one",
    delivery(async (received, { run, target }) => {
      if (target.id === "broken") return { outcome: "failed", error: "no" };
      received.push(run.slice(1));
      return { outcome: "delivered" };
    }),
    ["tells two deliveries apart"],
  ],
  [
    "a source that finds things only by its descriptor",
    source((folders) => ({
      cleanup: async ({ left }: SourceIdentity) => {
        for (const found of left) folders.delete((found as { readonly key: string }).key);
      },
    })),
    ["what was never journaled"],
  ],
  [
    "a source with other tools each time",
    source((folders) => ({
      open: async ({ key, attempt }: SourceContext) => (
        folders.add(key),
        { tools: [makeTool(`box__put${attempt}`, async () => "")], cleanup: { key } }
      ),
    })),
    ["with the same tools"],
  ],
  [
    "a source that cleans up when it is closed",
    source((folders) => ({
      open: async ({ key }: SourceContext) => {
        folders.add(key);
        return { tools: [], cleanup: { key }, close: async () => void folders.delete(key) };
      },
    })),
    ["keeps runs apart"],
  ],
  [
    "a source that writes into the run that has ended",
    source((folders) => ({
      open: async ({ key }: SourceContext) => {
        folders.add(key);
        const afterRun = async ({ messages }: RunEnding): Promise<void> => void (messages as unknown[]).pop();
        return { tools: [], cleanup: { key }, afterRun };
      },
    })),
    ["hears of a run"],
  ],
  [
    "a source that brings what is no file",
    source((folders) => ({
      open: async ({ key }: SourceContext) => {
        folders.add(key);
        return { tools: [], cleanup: { key }, afterRun: async () => ({ artifacts: [{ name: " ", content: "moss" }] }) };
      },
    })),
    ["hears of a run", "nobody waits"],
  ],
  [
    "a source that takes its time over a run that has ended",
    source((folders) => ({
      open: async ({ key }: SourceContext) => {
        folders.add(key);
        const afterRun = async ({ signal }: RunEnding): Promise<void> =>
          signal.aborted ? new Promise<void>(() => {}) : undefined;
        return { tools: [], cleanup: { key }, afterRun };
      },
    })),
    ["nobody waits"],
  ],
  [
    "a source whose cleanup minds that nothing is there",
    source((folders) => ({
      cleanup: async ({ key }) => {
        if (!folders.delete(key)) throw new Error("gone");
      },
    })),
    ["what is not there"],
  ],
  [
    "a model without a sign of life, that cannot be given up",
    models(async () => ({ content: [text], finish: "stop", usage: {} })),
    ["does not know", "answers whole", "is given up"],
  ],
  [
    "a model that says undefined and counts badly",
    models(async (_, { onPart }) => (onPart(), { content: [text], finish: "stop", usage: { inputTokens: Number.NaN } })),
    ["answers whole"],
  ],
  [
    "a model that changes what it is told",
    models(
      async (call, { onPart }) => (
        onPart(),
        (call.messages as unknown[]).push({}),
        { content: [text], finish: "stop", usage: {} }
      ),
    ),
    ["answers again"],
  ],
  [
    "a registry that leaves out what it does not know",
    (api) =>
      kit.toolsConformance(api, "broken", async () => ({
        tools: { ...tools, resolve: async (names) => [look, write].filter(({ name }) => names.includes(name)) },
      })),
    ["in the order", "there is not"],
  ],
  [
    "a palette with an empty skill",
    (api) => kit.delegatesConformance(api, "broken", async () => ({ delegates: palette })),
    ["can read the skills"],
  ],
  [
    "files without a limit",
    (api) =>
      kit.filesConformance(api, "broken", async () => ({
        files: { read: async () => ({ bytes: Buffer.from("abc"), name: "a" }) },
        file: { source: { path: "a" }, bytes: Buffer.from("abc"), name: "a" },
        missing: { path: "b" },
      })),
    ["too large", "not there"],
  ],
  ["a compactor that says nothing", compactor(async () => ({ summary: " ", keep: 0 })), ["makes a conversation shorter"]],
  [
    "a compactor that keeps more and more",
    compactor(async ({ attempt }) => ({ summary: "Pages.", keep: attempt })),
    ["keeps less"],
  ],
  [
    "a supervisor that gives up",
    supervisor(async ({ stall }) => {
      if (stall.kind === "limit") throw new Error("no");
      return { action: "leave", reason: "it will do" };
    }),
    ["every kind of stall"],
  ],
  [
    "a supervisor that decides nothing",
    supervisor(async () => ({ action: "wait", reason: "?" }) as unknown as SupervisorDecision),
    ["every kind of stall"],
  ],
  [
    "blobs that hand out what they hold",
    (api) =>
      kit.blobsConformance(api, "broken", async () => {
        const whole = createMemoryBlobs();
        const held = new Map<string, Uint8Array>();
        const put = async (bytes: Uint8Array): Promise<string> => {
          const hash = await whole.put(bytes);
          held.set(hash, bytes);
          return hash;
        };
        return { blobs: { ...whole, put, get: async (hash) => held.get(hash) ?? whole.get(hash) } };
      }),
    ["is not changed"],
  ],
  [
    "a store that lets anybody append",
    (api) =>
      kit.storeConformance(api, "broken", async () => {
        const memory = createMemoryStore();
        const unfenced = (store: ReturnType<typeof createMemoryStore>) => ({
          ...store,
          journal: {
            ...store.journal,
            append: async (request: Parameters<typeof store.journal.append>[0]) => {
              const result = await store.journal.append(request);
              return result.ok || result.reason !== "fenced" ? result : ({ ok: true } as const);
            },
          },
        });
        return {
          store: unfenced(memory),
          second: async () => unfenced(memory.peer("memory/2")),
          crash: async () => (memory.die(), unfenced(memory.peer("memory/3"))),
        };
      }),
    ["epoch"],
  ],
])("%s fails", async (_name, register, expected) => {
  const failed = await failures(register);
  for (const part of expected) expect(failed.join("\n")).toContain(part);
});

it("only what is broken fails", async () => {
  expect(await failures(clock(() => ({})))).toEqual([]);
  expect(await failures(ledger(() => ({})))).toEqual([]);
  expect(await failures(source(() => ({})))).toEqual([]);
});
