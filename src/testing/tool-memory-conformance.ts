import assert from "node:assert/strict";
import type { ToolSnapshot } from "../ports/agent.ts";
import type { ToolMemory } from "../ports/tool-source.ts";
import { settles, type Subject, suite } from "./conformance.ts";
import type { TestApi } from "./store-conformance.ts";

export interface ToolMemoryUnderTest extends Subject {
  /** Of a source of which nothing is remembered yet. */
  readonly memory: ToolMemory;
  /** The same memory as another process has it. */
  readonly another: () => Promise<ToolMemory>;
  /** Makes what is remembered unreadable, if that can happen. */
  readonly damage?: () => Promise<void>;
}

function toolOf(name: string, more: Partial<ToolSnapshot> = {}): ToolSnapshot {
  const inputSchema = { type: "object", properties: { text: { type: "string", pattern: "^[\\w-.]+$" } }, required: ["text"] };
  const description = `Grüße von "${name}",\nund eine zweite Zeile.`;
  return { name, description, inputSchema, effect: "read", onUnknown: "report", reconcile: false, ...more };
}

/** Made anew each time: whoever changes it fails in one place. */
function offered(): readonly ToolSnapshot[] {
  return [toolOf("look"), toolOf("write", { effect: "once" }), toolOf("put", { effect: "idempotent" })];
}

/** What other tools would be noticed by. */
function told(tools: readonly ToolSnapshot[] | undefined): unknown {
  return tools?.map(({ name, description, inputSchema, effect }) => ({ name, description, inputSchema, effect }));
}

/**
 * What every ToolMemory must do.
 *
 * @example
 * toolMemoryConformance({ describe, it }, "my memory", async () => ({ memory: inTable(db), another: async () => inTable(db) }));
 */
export function toolMemoryConformance(api: TestApi, name: string, open: () => Promise<ToolMemoryUnderTest>): void {
  suite(api, `${name} keeps the promises of a memory of tools`, {
    open,
    tests: (test) => {
      test("knows of nothing before something was remembered", async ({ memory }) => {
        assert.equal(await settles(memory.recall()), undefined);
      });

      test("recalls the tools as they were, in other processes too", async ({ memory, another }) => {
        await settles(memory.remember(offered()));
        for (const one of [memory, await another(), memory]) assert.deepEqual(told(await settles(one.recall())), told(offered()));
      });

      test("has the last list instead of the one before", async ({ memory, another }) => {
        await memory.remember(offered());
        const other = await another();
        const fewer = [toolOf("look", { description: "Looks." })];
        await settles(other.remember([...fewer]));
        for (const one of [memory, other]) assert.deepEqual(told(await settles(one.recall())), told(fewer));
      });

      test("knows that there were no tools, which is not nothing", async ({ memory, another }) => {
        await settles(memory.remember([]));
        assert.deepEqual(await settles((await another()).recall()), []);
      });

      test("has one whole list where two are remembered at once", async ({ memory, another }) => {
        const other = await another();
        const long = Array.from({ length: 200 }, (_, i) => toolOf(`tool_${i}`));
        for (let i = 0; i < 5; i++) {
          const read = async (): Promise<unknown> => told(await (await another()).recall());
          const [, , ...found] = await settles(
            Promise.all([memory.remember([...long]), other.remember(offered()), read(), read()]),
          );
          const isWhole = (list: unknown): boolean =>
            (i === 0 && list === undefined) ||
            [long, offered()].some((one) => JSON.stringify(told(one)) === JSON.stringify(list));
          assert.ok(isWhole(await read()) && found.every(isWhole), "it recalls a list that nobody remembered");
        }
      });

      test("rejects when what it remembers cannot be read", async ({ memory, another, damage }) => {
        if (damage === undefined) return;
        await memory.remember(offered());
        await damage();
        const recalling = settles((await another()).recall());
        await assert.rejects(recalling, (error) => error instanceof Error && !(error instanceof assert.AssertionError));
      });

      test("changes nothing of what it is given", async ({ memory }) => {
        const given = offered();
        await settles(memory.remember(given));
        assert.deepEqual(given, offered());
      });
    },
  });
}
