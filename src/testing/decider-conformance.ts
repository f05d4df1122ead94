import assert from "node:assert/strict";
import type { Compactor } from "../ports/compactor.ts";
import type { Message } from "../ports/messages.ts";
import type { StallKind, Supervisor, SupervisorDecision, SupervisorView } from "../ports/supervision.ts";
import { statusView } from "./call-context.ts";
import { assertPlain, frozen, settles, type Subject, suite } from "./conformance.ts";
import type { TestApi } from "./store-conformance.ts";

export interface CompactorUnderTest extends Subject {
  readonly compactor: Compactor;
}

export interface SupervisorUnderTest extends Subject {
  readonly supervisor: Supervisor;
}

const PAGE = "A page about the moss of Brandenburg, of which there is more to say. ".repeat(20);

function conversation(steps: number): readonly Message[] {
  const messages: Message[] = [{ role: "user", content: [{ type: "text", text: "Read the book." }] }];
  for (let i = 0; i < steps; i++) {
    const toolCallId = `call_${i}`;
    const output = { type: "text", value: `${i}: ${PAGE}` } as const;
    messages.push(
      { role: "assistant", content: [{ type: "tool-call", toolCallId, toolName: "read", input: { page: i } }] },
      { role: "tool", content: [{ type: "tool-result", toolCallId, toolName: "read", output }] },
    );
  }
  return messages;
}

async function compact({ compactor }: CompactorUnderTest, attempt: number, signal = new AbortController().signal) {
  const messages = frozen(conversation(12));
  const leaving = (keep: number): readonly Message[] => messages.slice(1, messages.length - keep);
  const request = { run: "r", step: 12, messages, model: "script/model", window: 8_000, tokens: 4_000, number: 1, attempt };
  return settles(compactor.compact({ ...request, reason: "ratio", leaving, signal }), 15_000);
}

/**
 * What every Compactor must do.
 *
 * @example
 * compactorConformance({ describe, it }, "my compactor", async () => ({ compactor: myCompactor }));
 */
export function compactorConformance(api: TestApi, name: string, open: () => Promise<CompactorUnderTest>): void {
  suite(api, `${name} keeps the promises of a compactor`, {
    open,
    tests: (test) => {
      test("makes a conversation shorter, and leaves it as it is", async (subject) => {
        const messages = conversation(12);
        const { summary, keep, spent } = await compact(subject, 1);
        assert.ok(summary.trim().length > 0, "the summary is empty");
        assert.ok(Number.isInteger(keep) && keep >= 0 && keep < messages.length, `keep is ${keep}`);
        const kept = JSON.stringify(messages.slice(messages.length - keep)).length;
        assert.ok(summary.length + kept < JSON.stringify(messages).length, "it is not shorter");
        assertPlain(spent, "what was spent");
      });

      test("keeps less, or no more, when it is tried again", async (subject) => {
        const first = await compact(subject, 1);
        const second = await compact(subject, 2);
        assert.ok(second.keep <= first.keep, `${second.keep} after ${first.keep}`);
      });

      test("comes back when it is given up", async (subject) => {
        await compact(subject, 1, AbortSignal.abort(new Error("given up"))).catch((error: unknown) => {
          assert.ok(!(error instanceof assert.AssertionError), String(error));
        });
      });
    },
  });
}

const KINDS: readonly StallKind[] = ["idle", "no-progress", "repeats", "cost", "limit"];

function viewOf(kind: StallKind, decided: SupervisorView["decided"]): SupervisorView {
  return {
    stall: { stall: decided.length, kind, message: `it is ${kind}`, ...(kind === "limit" ? { limit: "steps" as const } : {}) },
    status: statusView(),
    request: [{ type: "text", text: "Read the book." }],
    recent: conversation(3),
    underWay: [],
    staleSteps: 3,
    decided,
    left: 10 - decided.length,
    signal: new AbortController().signal,
  };
}

function assertDecision(decision: SupervisorDecision): void {
  assert.ok(decision.reason.length > 0, "it does not say why");
  assertPlain(decision, "the decision");
  switch (decision.action) {
    case "nudge":
      return assert.ok(decision.message.length > 0, "it tells nothing");
    case "extend":
      return assert.ok(
        Object.values(decision.extend).some((more) => more > 0),
        "it gives no more room",
      );
    case "ask":
      return assert.ok(decision.question.length > 0, "it asks nothing");
    case "kill":
    case "leave":
      return undefined;
    default:
      return assert.fail(`${String((decision as { action: unknown }).action)} is no decision`);
  }
}

/**
 * What every Supervisor must do.
 *
 * @example
 * supervisorConformance({ describe, it }, "my supervisor", async () => ({ supervisor: mySupervisor }));
 */
export function supervisorConformance(api: TestApi, name: string, open: () => Promise<SupervisorUnderTest>): void {
  suite(api, `${name} keeps the promises of a supervisor`, {
    open,
    tests: (test) => {
      test("has a name for the journal", async ({ supervisor }) => assert.match(supervisor.name, /\S/));

      test("decides about every kind of stall, also the tenth time, and changes nothing of what it sees", async ({
        supervisor,
      }) => {
        for (const kind of KINDS) {
          const decided: { kind: StallKind; action: SupervisorDecision["action"] }[] = [];
          for (let i = 0; i < 10; i++) {
            const decision = await settles(supervisor.decide(frozen(viewOf(kind, [...decided]))), 15_000);
            assertDecision(decision);
            decided.push({ kind, action: decision.action });
          }
        }
      });
    },
  });
}
