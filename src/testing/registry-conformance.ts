import assert from "node:assert/strict";
import type { Delegates } from "../ports/delegates.ts";
import type { Tools } from "../ports/tools.ts";
import { assertPlain, rejectsWith, type Subject, suite } from "./conformance.ts";
import type { TestApi } from "./store-conformance.ts";

export interface ToolsUnderTest extends Subject {
  /** With two public tools or more, all of them for everybody. */
  readonly tools: Tools;
}

export interface DelegatesUnderTest extends Subject {
  /** With two delegates or more, all of them for everybody. */
  readonly delegates: Delegates;
}

/**
 * What every Tools must do.
 *
 * @example
 * toolsConformance({ describe, it }, "my registry", async () => ({ tools: createTools([search, write]) }));
 */
export function toolsConformance(api: TestApi, name: string, open: () => Promise<ToolsUnderTest>): void {
  suite(api, `${name} keeps the promises of a registry of tools`, {
    open,
    tests: (test) => {
      test("finds the tools it lists, in the order they are asked for", async ({ tools }) => {
        const names = tools.names({});
        assert.ok(names.length >= 2, "the suite needs two tools");
        for (const wanted of [names, names.toReversed(), [], names.slice(1)])
          assert.deepEqual(
            (await tools.resolve(wanted, {})).map((tool) => tool.name),
            [...wanted],
          );
      });

      test("has tools that can be called", async ({ tools }) => {
        for (const tool of await tools.resolve(tools.names({}), {})) {
          assert.equal(typeof tool.execute, "function");
          assert.equal(typeof tool.validate, "function");
          assert.ok(["read", "idempotent", "once"].includes(tool.effect), `the effect of ${tool.name} is ${tool.effect}`);
          assertPlain(tool.inputSchema, `the schema of ${tool.name}`);
        }
      });

      test("finds the same tool again: another process looks for it by name", async ({ tools }) => {
        const names = tools.names({});
        const shapes = async () =>
          (await tools.resolve(names, {})).map(({ name, inputSchema, effect }) => ({ name, inputSchema, effect }));
        assert.deepEqual(await shapes(), await shapes());
      });

      test("says which tool there is not", async ({ tools }) => {
        const [known = ""] = tools.names({});
        await rejectsWith(tools.resolve([known, "no_such_tool"], {}), "tool_unknown");
        await assert.rejects(tools.resolve(["no_such_tool"], {}), /no_such_tool/);
      });
    },
  });
}

/**
 * What every Delegates must do.
 *
 * @example
 * delegatesConformance({ describe, it }, "my palette", async () => ({ delegates: await loadMyPalette() }));
 */
export function delegatesConformance(api: TestApi, name: string, open: () => Promise<DelegatesUnderTest>): void {
  suite(api, `${name} keeps the promises of a palette of delegates`, {
    open,
    tests: (test) => {
      test("finds what it lists, under the names it lists, in the order they are asked for", async ({ delegates }) => {
        const names = await delegates.names({});
        assert.ok(names.length >= 2, "the suite needs two delegates");
        for (const listed of names) assert.match(listed, /^(agent|skill)__./);
        for (const wanted of [names, names.toReversed(), [], names.slice(1)]) {
          const found = await delegates.resolve(wanted, {});
          assert.deepEqual(
            found.map((one) => `${"kind" in one ? "skill" : "agent"}__${one.name}`),
            [...wanted],
          );
        }
      });

      test("can read the skills it lists", async ({ delegates }) => {
        for (const found of await delegates.resolve(await delegates.names({}), {})) {
          if (!("kind" in found)) assert.ok(found.instructions.length > 0, `${found.name} has no instructions`);
          else assert.ok((await found.body()).length > 0 && found.description.length > 0, `${found.name} says nothing`);
        }
      });

      test("says which delegate there is not", async ({ delegates }) => {
        await rejectsWith(delegates.resolve(["agent__no-such-agent"], {}), "delegate_unknown");
        await assert.rejects(delegates.resolve(["agent__no-such-agent"], {}), /no-such-agent/);
      });
    },
  });
}
