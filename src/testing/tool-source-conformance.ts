import assert from "node:assert/strict";
import { NO_USAGE } from "../kernel/state.ts";
import type { JsonValue } from "../ports/json.ts";
import type { OpenedSource, RunEnding, SourceContext, SourceIdentity, ToolSource } from "../ports/tool-source.ts";
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

/** A run as a source hears of it once it has ended. */
function ended(status: RunEnding["status"], signal: AbortSignal): RunEnding {
  const call = { type: "tool-call", toolCallId: "call_0", toolName: "look", input: { at: "the moss" } } as const;
  const output = { type: "text", value: "It is green." } as const;
  return {
    run: "a",
    agent: "tester",
    status,
    ...(status === "completed" ? {} : { error: { code: "model_failed", message: "there was no answer" } }),
    output: status === "completed" ? "It is green." : "",
    messages: [
      { role: "user", content: [{ type: "text", text: "Look." }] },
      { role: "assistant", content: [call] },
      { role: "tool", content: [{ type: "tool-result", toolCallId: "call_0", toolName: "look", output }] },
    ],
    steps: [
      { step: 0, model: "script/model", text: "", calls: [{ call: "0.0", name: "look", input: call.input, outcome: "ok" }] },
    ],
    usage: NO_USAGE,
    costUsd: "unknown",
    signal,
  };
}

/** A failure is reported and changes nothing; not to come back holds the run up until its time is over. */
async function hearOf(opened: OpenedSource, ending: RunEnding): Promise<void> {
  const telling = opened.afterRun?.(ending) ?? Promise.resolve();
  const brought = await settles(telling, 5_000).catch((error: unknown) => {
    if (error instanceof assert.AssertionError) throw error;
  });
  for (const { name, content } of brought?.artifacts ?? []) {
    assert.match(name, /\S/, "an artifact has no name");
    assert.ok(typeof content === "string" || content instanceof Uint8Array, `${name} is neither text nor bytes`);
  }
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

      test("hears of a run that has ended, however it did, and changes nothing of it", async (subject) => {
        const { signal } = new AbortController();
        for (const status of ["completed", "failed", "killed"] as const) {
          const opened = await openFor(subject, "a");
          const { signal: _signal, ...given } = ended(status, signal);
          const before = structuredClone(given);
          await hearOf(opened, { ...given, signal });
          assert.deepEqual(given, before);
          await opened.close?.();
          await subject.source.cleanup?.(identity(subject, "a", opened.cleanup === undefined ? [] : [opened.cleanup]));
        }
      });

      test("comes back from a run that has ended when nobody waits any more", async (subject) => {
        const opened = await openFor(subject, "a");
        await hearOf(opened, ended("completed", AbortSignal.abort(new Error("its time is over"))));
        await opened.close?.();
        await subject.source.cleanup?.(identity(subject, "a", opened.cleanup === undefined ? [] : [opened.cleanup]));
      });

      test("may be told twice to let go", async (subject) => {
        const opened = await openFor(subject, "a");
        for (let i = 0; i < 2; i++) await opened.close?.();
        await subject.source.cleanup?.(identity(subject, "a", opened.cleanup === undefined ? [] : [opened.cleanup]));
      });
    },
  });
}
