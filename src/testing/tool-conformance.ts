import assert from "node:assert/strict";
import { inspect } from "node:util";
import { checkAgainstSchema } from "../adapters/tools/json-schema-validator.ts";
import { isSuspension } from "../kernel/suspension.ts";
import type { JsonValue } from "../ports/json.ts";
import type { Reconciliation, Tool, ToolContext } from "../ports/tools.ts";
import type { Wake } from "../ports/waiting.ts";
import { toJson } from "../run/json.ts";
import { callContext, type CallOptions } from "./call-context.ts";
import { assertPlain, settles, type Subject, suite } from "./conformance.ts";
import { ANYTHING } from "./samples.ts";
import type { TestApi } from "./store-conformance.ts";

export interface ToolUnderTest extends Subject {
  readonly tool: Tool;
  /** Arguments as a model gives them, with which it does something. */
  readonly input: JsonValue;
  /** Arguments that it refuses. */
  readonly wrong?: JsonValue;
  /** Arguments with which it fails. */
  readonly failing?: JsonValue;
  /** Arguments with which it takes a second or more. Default: it is stopped before it has begun. */
  readonly slow?: JsonValue;
  /** What its calls have changed in the world so far, or how often they have: whatever can be compared. */
  readonly outside?: () => Promise<unknown>;
  /** What wakes a call that it suspends. Default: the answer `yes`. */
  readonly wake?: Wake;
}

const CALL_MS = 15_000;
/** Default of `limits.graceMs`. */
const GRACE_MS = 2_000;
const YES: Wake = { by: "answer", payload: "yes" };
const OUTPUTS: readonly unknown[] = ["text", "json", "error-text", "error-json", "content"];

/** Arguments may have become anything that a schema makes of them. */
const shown = (input: unknown): string => inspect(input, { depth: Infinity });

async function checked({ tool }: ToolUnderTest, input: JsonValue): Promise<unknown> {
  const check = await settles(Promise.resolve(tool.validate(input)), CALL_MS);
  assert.ok(check.ok, `it refuses ${JSON.stringify(input)}: ${check.ok ? "" : check.problem}`);
  return check.value;
}

/** One call from its beginning to its result, as it would be recorded. */
async function call(subject: ToolUnderTest, options: CallOptions = {}): Promise<unknown> {
  const { tool, wake = YES } = subject;
  const input = await checked(subject, structuredClone(subject.input));
  const context = callContext(options);
  let result = await settles(tool.execute(input, context), CALL_MS);
  if (isSuspension(result)) result = await settles(tool.resume?.(input, wake, context) ?? Promise.resolve(wake.payload), CALL_MS);
  return isSuspension(result) ? "it waits" : recorded(tool, { input, result, context });
}

async function recorded(
  tool: Tool,
  { input, result, context }: { readonly input: unknown; readonly result: unknown; readonly context: ToolContext },
): Promise<unknown> {
  if (tool.toOutput === undefined) {
    const json = toJson(result);
    assert.ok(json.ok, json.ok ? "" : `it ran, and its result cannot be recorded: ${json.problem}`);
    return json.value;
  }
  const output = await settles(Promise.resolve(tool.toOutput(result, input, context.toolCallId)), CALL_MS);
  assert.ok(OUTPUTS.includes(output.type), `toOutput makes a ${output.type}, which is no output`);
  assertPlain(output, "what the model is told");
  return output;
}

async function ask(subject: ToolUnderTest, options: CallOptions): Promise<Reconciliation> {
  const input = await checked(subject, subject.input);
  const asking = subject.tool.reconcile?.(input, callContext(options)) ?? Promise.resolve({ outcome: "unknown" } as const);
  const found = await settles(asking, CALL_MS);
  assert.ok(["done", "not-done", "unknown"].includes(found.outcome), `${found.outcome} is no outcome`);
  return found;
}

function dataOf({ name, description, inputSchema, effect, onUnknown, visibility, timeoutMs, concurrency }: Tool): object {
  const bounds = {
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(concurrency === undefined ? {} : { concurrency }),
  };
  return { name, description, inputSchema, effect, onUnknown, visibility, ...bounds };
}

function assertData(tool: Tool): void {
  const { name, description, inputSchema, effect, onUnknown, visibility, timeoutMs = 1, concurrency = 1, outputBytes = 1 } = tool;
  assert.match(name, /^[\w-]{1,64}$/, "its name");
  assert.match(description, /\S/, "its description");
  assertPlain(inputSchema, "its schema");
  assert.equal(inputSchema["type"], "object", "arguments are an object");
  assert.ok(["read", "idempotent", "once"].includes(effect), `its effect is ${effect}`);
  assert.ok(["report", "ask", "rerun"].includes(onUnknown), `its policy is ${onUnknown}`);
  assert.ok(["public", "private"].includes(visibility), `its visibility is ${visibility}`);
  for (const bound of [timeoutMs, concurrency, outputBytes])
    assert.ok(Number.isInteger(bound) && bound > 0, `a bound is ${bound}`);
}

async function assertVerdict({ approval }: Tool, input: unknown): Promise<void> {
  const { run, call: id, toolCallId } = callContext();
  const context = { run, call: id, toolCallId, resultsSeen: () => ["look"] };
  const verdict = typeof approval === "function" ? await settles(Promise.resolve(approval(input, context)), CALL_MS) : approval;
  const isKnown = typeof verdict === "boolean" || verdict === undefined || verdict === "always" || verdict === "never";
  const hasTerms = typeof verdict === "object" && typeof verdict.required === "boolean";
  assert.ok(isKnown || hasTerms, `${JSON.stringify(verdict)} is no verdict on an approval`);
}

/** Under way, if there are arguments with which it takes long, and stopped then. */
async function stopped(subject: ToolUnderTest): Promise<void> {
  const { slow, tool } = subject;
  const input = await checked(subject, slow ?? subject.input);
  const controller = new AbortController();
  const reason = new Error("stopped");
  if (slow === undefined) controller.abort(reason);
  let isBack = false;
  const back = tool.execute(input, callContext({ signal: controller.signal })).then(
    () => (isBack = true),
    () => (isBack = true),
  );
  if (slow !== undefined) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok(!isBack, "it was back before it could be stopped: give `slow` arguments with which it takes longer");
    controller.abort(reason);
  }
  await settles(back, GRACE_MS);
}

/**
 * What every Tool must do: P1 to P10 of its port. Its effects are called for, so give it a world of its own.
 *
 * @example
 * toolConformance({ describe, it }, "search", async () => ({ tool: searchTool(), input: { text: "moss" }, wrong: { text: 1 } }));
 */
export function toolConformance(api: TestApi, name: string, open: () => Promise<ToolUnderTest>): void {
  suite(api, `${name} keeps the promises of a tool`, {
    open,
    tests: (test) => {
      test("is found again: by a name and a schema that are data, and the same in another process (P1)", async ({ tool }) => {
        assertData(tool);
        const other = await open();
        try {
          assert.deepEqual(dataOf(other.tool), dataOf(tool));
        } finally {
          await other.close?.();
        }
      });

      test("takes arguments that fit its schema, the same way each time (P2)", async (subject) => {
        const { tool, input } = subject;
        const told = await checkAgainstSchema(tool.inputSchema, input, tool.name);
        assert.ok(told.ok, `the schema that models are shown refuses them: ${told.ok ? "" : told.problem}`);
        assert.equal(
          shown(await checked(subject, structuredClone(input))),
          shown(await checked(subject, structuredClone(input))),
        );
      });

      test("answers for any arguments, and says in words what is wrong with them (P2)", async ({ tool, wrong }) => {
        for (const input of [...ANYTHING, ...(wrong === undefined ? [] : [wrong])]) {
          const check = await settles(Promise.resolve(tool.validate(input)), CALL_MS);
          if (!check.ok) assert.match(check.problem, /\S/, `it does not say what is wrong with ${JSON.stringify(input)}`);
          assert.ok(!check.ok || input !== wrong, `it takes ${JSON.stringify(wrong)}`);
        }
      });

      test("changes nothing of its arguments (P3)", async (subject) => {
        const { tool } = subject;
        const given = structuredClone(subject.input);
        const input = await checked(subject, given);
        const before = shown(input);
        await assertVerdict(tool, input).catch(() => {});
        const result = await tool.execute(input, callContext()).catch(() => undefined);
        if (isSuspension(result)) await tool.resume?.(input, subject.wake ?? YES, callContext()).catch(() => {});
        await tool.reconcile?.(input, callContext({ attempt: 2 })).catch(() => {});
        assert.deepEqual(given, subject.input, "what the model said");
        assert.equal(shown(input), before, "what `validate` made of it");
      });

      test("comes back with something that can be recorded (P4)", async (subject) => void (await call(subject)));

      test("says whether a person has to approve, if it has a policy (P10)", async (subject) => {
        await assertVerdict(subject.tool, await checked(subject, subject.input));
      });

      test("says what went wrong (P5)", async (subject) => {
        const { tool, failing } = subject;
        if (failing === undefined) return;
        const input = await checked(subject, failing);
        await assert.rejects(settles(tool.execute(input, callContext()), CALL_MS), (error) => {
          assert.ok(error instanceof Error && !(error instanceof assert.AssertionError), `it is no error: ${String(error)}`);
          assert.match(error.message, /\S/, "its message is empty");
          assert.doesNotMatch(error.message, /\[object Object\]/);
          return true;
        });
      });

      test("comes back soon after it was stopped (P6)", (subject) => stopped(subject));

      test("does nothing in the world, or nothing more when it runs again with the same key (P7)", async (subject) => {
        const { tool, outside } = subject;
        if (outside === undefined || tool.effect === "once") return;
        const untouched = structuredClone(await outside());
        await call(subject);
        const after = structuredClone(await outside());
        if (tool.effect === "read") assert.deepEqual(after, untouched, "a read has changed something");
        await call(subject, { attempt: 2 });
        assert.deepEqual(await outside(), after, "it has done it again");
      });

      test("finds out what became of a call (P8)", async (subject) => {
        if (subject.tool.reconcile === undefined) return;
        assert.notEqual((await ask(subject, { attempt: 2 })).outcome, "done", "it has done what never began");
        const result = await call(subject);
        const after = structuredClone(await subject.outside?.());
        const found = await ask(subject, { attempt: 2 });
        assert.notEqual(found.outcome, "not-done", "it would do it again");
        const other = await ask(subject, { call: "0.1", attempt: 2 });
        assert.notEqual(other.outcome, "done", "it takes one call for another");
        assert.deepEqual(await subject.outside?.(), after, "asking has changed something");
        if (found.outcome !== "done") return;
        const input = await checked(subject, subject.input);
        const again = await recorded(subject.tool, { input, result: found.result, context: callContext({ attempt: 2 }) });
        assert.deepEqual(again, result, "it has found another result");
      });

      test("does two calls at once (P9)", async (subject) => {
        if (subject.tool.concurrency === 1) return;
        await Promise.all([call(subject), call(subject, { run: "s" })]);
      });
    },
  });
}
