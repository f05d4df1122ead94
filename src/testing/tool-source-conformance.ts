import assert from "node:assert/strict";
import type { JsonValue } from "../ports/json.ts";
import type { OpenedSource, SourceContext, SourceIdentity, ToolSource } from "../ports/tool-source.ts";
import { assertPlain, settles, type Subject, suite } from "./conformance.ts";
import type { TestApi } from "./store-conformance.ts";

export interface ToolSourceUnderTest extends Subject {
  readonly source: ToolSource;
  /** What agents hand it, if it needs something. */
  readonly arguments?: JsonValue;
  /** Whether what the opening with this key stands on is there: a folder, a container. Leave it out if there is no such thing. */
  readonly isThere?: (key: string) => Promise<boolean>;
}

function identity(
  { source, arguments: given }: ToolSourceUnderTest,
  run: string,
  left: readonly JsonValue[] = [],
): SourceIdentity {
  const key = `${run}.${source.name}`;
  return {
    run,
    source: source.name,
    key,
    left,
    signal: new AbortController().signal,
    ...(given === undefined ? {} : { arguments: given }),
  };
}

function openFor(subject: ToolSourceUnderTest, run: string, left?: readonly JsonValue[]): Promise<OpenedSource> {
  const context: SourceContext = {
    ...identity(subject, run, left),
    attempt: (left?.length ?? 0) + 1,
    keep: async (bytes) => ({ hash: "0".repeat(64), bytes: bytes.length }) as never,
  };
  return settles(subject.source.open(context), 20_000);
}

/**
 * What every ToolSource must do: open for a run, again after a crash, and leave nothing behind.
 *
 * @example
 * toolSourceConformance({ describe, it }, "my sandbox", async () => ({ source: mySandbox() }));
 */
export function toolSourceConformance(api: TestApi, name: string, open: () => Promise<ToolSourceUnderTest>): void {
  suite(api, `${name} keeps the promises of a tool source`, {
    open,
    tests: (test) => {
      test("opens with tools of different names, and says in plain JSON how to undo that", async (subject) => {
        const { source } = subject;
        assert.match(source.name, /^[\w-]{1,64}$/);
        const opened = await openFor(subject, "a");
        const names = opened.tools.map((tool) => tool.name);
        assert.equal(new Set(names).size, names.length, `two tools of one name: ${names.join(", ")}`);
        for (const tool of opened.tools) {
          assert.equal(typeof tool.execute, "function");
          assertPlain(tool.inputSchema, `the schema of ${tool.name}`);
        }
        assertPlain(opened.cleanup, "its descriptor");
        await opened.close?.();
        await source.cleanup?.(identity(subject, "a", opened.cleanup === undefined ? [] : [opened.cleanup]));
      });

      test("opens again for the next process of a run, with the same tools", async (subject) => {
        const first = await openFor(subject, "a");
        const left = first.cleanup === undefined ? [] : [first.cleanup];
        // The process has died: nothing was closed.
        const second = await openFor(subject, "a", left);
        const shapes = ({ tools }: OpenedSource) => tools.map(({ name, inputSchema, effect }) => ({ name, inputSchema, effect }));
        assert.deepEqual(shapes(second), shapes(first));
        for (const opened of [first, second]) await opened.close?.();
        await subject.source.cleanup?.(identity(subject, "a", left));
      });

      test("leaves nothing behind, and keeps runs apart", async (subject) => {
        const { source, isThere } = subject;
        const opened = [await openFor(subject, "a"), await openFor(subject, "b")];
        const keys = ["a", "b"].map((run) => identity(subject, run).key);
        for (const one of opened) await one.close?.();
        if (isThere !== undefined) {
          assert.deepEqual(await Promise.all(keys.map(isThere)), [true, true], "closing is not cleaning up: the run may go on");
        }
        const left = opened.map(({ cleanup }) => (cleanup === undefined ? [] : [cleanup]));
        await source.cleanup?.(identity(subject, "a", left[0]));
        if (isThere !== undefined) assert.deepEqual(await Promise.all(keys.map(isThere)), [false, true]);
        await source.cleanup?.(identity(subject, "b", left[1]));
        if (isThere !== undefined) assert.deepEqual(await Promise.all(keys.map(isThere)), [false, false]);
      });

      test("cleans up what was never journaled, what is not there, and what was cleaned up before", async (subject) => {
        const { source, isThere } = subject;
        await source.cleanup?.(identity(subject, "never-opened"));
        const opened = await openFor(subject, "a");
        await opened.close?.();
        for (let i = 0; i < 2; i++) await source.cleanup?.(identity(subject, "a"));
        const { key } = identity(subject, "a");
        if (isThere !== undefined) assert.equal(await isThere(key), false, "it is found only by its descriptor");
      });

      test("may be told twice to let go", async (subject) => {
        const opened = await openFor(subject, "a");
        for (let i = 0; i < 2; i++) await opened.close?.();
        await subject.source.cleanup?.(identity(subject, "a", opened.cleanup === undefined ? [] : [opened.cleanup]));
      });
    },
  });
}
