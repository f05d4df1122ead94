import assert from "node:assert/strict";
import { isExecutusError } from "../kernel/errors.ts";
import type { ModelAnswer, ModelCall, ModelCallOptions, ModelCandidate, Models } from "../ports/models.ts";
import { assertPlain, frozen, settles, type Subject, suite } from "./conformance.ts";
import type { TestApi } from "./store-conformance.ts";

export interface ModelsUnderTest extends Subject {
  readonly models: Models;
  /** A tier whose first candidate answers anything with some text. */
  readonly tier: string;
  /** A tier whose first candidate calls the tool `look`. */
  readonly calling?: string;
  /** A tier whose first candidate never answers. */
  readonly silent?: string;
  /** A tier whose first candidate fails. */
  readonly failing?: string;
  /** A tier that nobody has. */
  readonly unknown?: string;
}

const CALL: ModelCall = {
  run: "r",
  step: 0,
  attempt: 1,
  instructions: "Be brief.",
  messages: [{ role: "user", content: [{ type: "text", text: "Hello." }] }],
  tools: [{ name: "look", description: "Looks.", inputSchema: { type: "object", properties: {} }, effect: "read" }],
  toolChoice: "auto",
  settings: {},
};
const FINISHES: readonly string[] = ["stop", "length", "content-filter", "tool-calls", "other"];

async function first({ models }: ModelsUnderTest, tier: string): Promise<ModelCandidate> {
  const [candidate] = await models.resolve(tier);
  assert.ok(candidate !== undefined, `${tier} has no candidate`);
  return candidate;
}

async function ask(candidate: ModelCandidate, options: Partial<ModelCallOptions> = {}): Promise<ModelAnswer> {
  return settles(candidate.call(frozen(CALL), { signal: new AbortController().signal, onPart: () => {}, ...options }), 15_000);
}

/**
 * What every Models must do: resolve a tier, and answer whole or not at all.
 *
 * @example
 * modelsConformance({ describe, it }, "my provider", async () => ({ models: myModels(), tier: "fast" }));
 */
export function modelsConformance(api: TestApi, name: string, open: () => Promise<ModelsUnderTest>): void {
  suite(api, `${name} keeps the promises of models`, {
    open,
    tests: (test) => {
      test("resolves a tier to candidates with names", async ({ models, tier }) => {
        const candidates = await models.resolve(tier);
        assert.ok(candidates.length > 0);
        for (const { id } of candidates) assert.match(id, /^[^/\s]+\/\S+$/, "provider/model");
        const ids = candidates.map(({ id }) => id);
        assert.equal(new Set(ids).size, ids.length, `a candidate is there twice: ${ids.join(", ")}`);
      });

      test("says which tier it does not know", async ({ models, unknown }) => {
        if (unknown === undefined) return;
        await assert.rejects(models.resolve(unknown), (error) => isExecutusError(error) && error.message.includes(unknown));
      });

      test("answers whole: parts, a finish, usage, in plain JSON", async (subject) => {
        let signs = 0;
        const answer = await ask(await first(subject, subject.tier), { onPart: () => signs++ });
        assert.ok(answer.content.some((part) => part.type === "text" && part.text !== ""));
        assert.ok(FINISHES.includes(answer.finish), `${answer.finish} is no way to finish`);
        for (const [unit, tokens] of Object.entries(answer.usage))
          assert.ok(Number.isInteger(tokens) && Number(tokens) >= 0, `usage.${unit} is ${String(tokens)}`);
        assertPlain(answer, "the answer");
        assert.ok(signs > 0, "it showed no sign of life: a slow answer would be given up");
      });

      test("answers again, and two at once", async (subject) => {
        const candidate = await first(subject, subject.tier);
        for (const answer of await Promise.all([ask(candidate), ask(candidate)])) assert.ok(answer.content.length > 0);
        assert.ok((await ask(candidate)).content.length > 0);
      });

      test("calls tools under ids of their own", async (subject) => {
        if (subject.calling === undefined) return;
        const answer = await ask(await first(subject, subject.calling));
        const calls = answer.content.flatMap((part) => (part.type === "tool-call" ? [part] : []));
        assert.ok(calls.length > 0, "there is no call");
        assert.equal(answer.finish, "tool-calls");
        assert.equal(new Set(calls.map(({ toolCallId }) => toolCallId)).size, calls.length);
        for (const call of calls) assert.equal(call.toolName, "look");
        assertPlain(answer, "the answer");
      });

      test("comes back when it is given up", async (subject) => {
        if (subject.silent === undefined) return;
        const controller = new AbortController();
        const asked = ask(await first(subject, subject.silent), { signal: controller.signal });
        setTimeout(() => controller.abort(new Error("given up")), 20);
        await assert.rejects(asked, (error) => !(error instanceof assert.AssertionError));
      });

      test("rejects when it fails, and never answers in part", async (subject) => {
        if (subject.failing === undefined) return;
        await assert.rejects(ask(await first(subject, subject.failing)), (error) => error instanceof Error);
      });
    },
  });
}
