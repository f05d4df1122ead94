/** Every case of the table over real HTTP, through the real package of each wire format, as a run with tools that count their calls. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fromAiSdkModel } from "../../src/adapters/models/ai-sdk.ts";
import { createMemoryStore } from "../../src/adapters/store/memory.ts";
import { createExecutor, defineAgent, type RunEvent, type RunResult } from "../../src/index.ts";
import { pairedCalls } from "./end-to-end-wires.ts";
import { addingTool, eventsOfType } from "./end-to-end-world.ts";
import type { WireFormat } from "./table/answer.ts";
import { CASES, type FaultCase, type Outcome, outcomeOf } from "./table/cases.ts";
import { BAD, GOOD, toPieces } from "./table/edits.ts";
import { chat, responses } from "./table/openai-formats.ts";
import { anthropic, google } from "./table/other-formats.ts";
import { type CaseServer, type Reply, startCaseServer } from "./table/server.ts";

const FORMATS = [responses, anthropic, google, chat].map((format) => ({ name: format.wire.name, format }));
const SUMS = ["1+2", "3+4"];

interface Played {
  readonly result: RunResult;
  readonly executed: readonly string[];
  readonly journal: readonly RunEvent[];
  readonly requests: readonly unknown[];
}

function replyTo({ replies, always }: FaultCase, format: WireFormat, request: number): Reply {
  const fault = replies[always === true ? Math.min(request, replies.length - 1) : request];
  if (fault !== undefined) return fault(format);
  const answer = GOOD[Math.min(request - replies.length, GOOD.length - 1)] ?? BAD;
  return { pieces: toPieces(format.render(answer)) };
}

async function play(
  format: WireFormat,
  fault: FaultCase,
  { server, id }: { readonly server: CaseServer; readonly id: string },
): Promise<Played> {
  const { tool, executed } = addingTool();
  const candidate = fromAiSdkModel(format.model(`${server.url}/${id}`));
  const store = createMemoryStore();
  await using executor = createExecutor({ models: { resolve: async () => [candidate] }, store });
  const agent = defineAgent({ name: "adder", instructions: "Add.", tools: [tool] });
  const limits = { retryBaseMs: 1, toolErrors: Infinity, ...fault.limits };
  const result = await executor.run(agent, { input: "Add.", id, limits });
  return { result, executed, journal: await store.journal.read(id), requests: server.requestsOf(id) };
}

/** Whatever the case is: every request is paired, every call that ran is in an answer, and every request is an attempt of the journal. */
function expectSound(format: WireFormat, { executed, journal, requests }: Played): void {
  expect(requests.map((body) => pairedCalls(format.wire, body).every(({ result }) => result !== ""))).not.toContain(false);
  const answered = eventsOfType(journal, "model.answered");
  const calls = answered.flatMap(({ content }) => content.filter(({ type }) => type === "tool-call"));
  expect(executed.length).toBeLessThanOrEqual(calls.length);
  expect(requests.length).toBeLessThanOrEqual(eventsOfType(journal, "model.failed").length + answered.length);
}

/** Attempts that the journal has as failed. A case with short times may have more of them on a busy machine, up to its bound. */
function expectAttempts({ replies, limits }: FaultCase, outcome: Outcome, { journal, requests }: Played): void {
  const failed = eventsOfType(journal, "model.failed").length;
  const answers = eventsOfType(journal, "model.answered").length;
  const wanted =
    typeof outcome === "object" && "fails" in outcome ? outcome.requests : outcome === "retried" ? replies.length : 0;
  const isTimed = limits?.firstTokenMs !== undefined || limits?.modelCallMs !== undefined;
  expect(failed).toBeGreaterThanOrEqual(wanted);
  expect(failed).toBeLessThanOrEqual(isTimed ? wanted * (limits.modelAttempts ?? 1) : wanted);
  expect(requests.length).toBeGreaterThanOrEqual(isTimed ? 1 : failed + answers);
}

describe.each(FORMATS)("$name", ({ name, format }) => {
  let server: CaseServer;
  beforeAll(async () => {
    server = await startCaseServer((id, request) => {
      const fault = CASES[Number(id)];
      if (fault === undefined) throw new Error(`no case ${id}`);
      return replyTo(fault, format, request);
    });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test.concurrent.each(CASES.map((fault, id) => ({ fault, id: String(id), title: fault.name })))(
    `${name}: $title`,
    async ({ id, fault }) => {
      const played = await play(format, fault, { server, id });
      const outcome = outcomeOf(fault, format);
      const { status, error, output } = played.result;
      const executed = played.executed.toSorted();
      expect({ status, code: error?.code, output, executed }).toEqual(
        typeof outcome === "object" && "fails" in outcome
          ? { status: "failed", code: outcome.fails, output: "", executed: [] }
          : {
              status: "completed",
              code: undefined,
              output: "Done.",
              executed: [...SUMS, ...(outcome === "retried" ? [] : outcome.runs)].toSorted(),
            },
      );
      expectSound(format, played);
      expectAttempts(fault, outcome, played);
    },
  );
});

test("there are at least sixty cases, each named once", () => {
  expect(CASES.length).toBeGreaterThanOrEqual(60);
  expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length);
});
