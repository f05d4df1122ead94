/**
 * `script/stocktake`: not a model, but a script that answers like one, so that the example runs without a key and without a
 * network. What it says is worked out from what the tools really returned, and streamed slowly enough to be interrupted.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { ModelAnswer, ModelCandidate, Models } from "executus/ports";
import { nextTurn, type Turn } from "./plan.ts";
import { folderOf } from "./work-folder.ts";

/** `delayMs`: between two pieces of an answer; default 40. */
export function scriptedModels(delayMs = 40): Models {
  const candidate = script(delayMs);
  return { resolve: async () => [candidate] };
}

export function script(delayMs: number): ModelCandidate {
  return {
    id: "script/stocktake",
    price: { input: 0, output: 0, asOf: "2026-05-31" },
    call: async ({ run, messages, step, toolChoice }, { signal, onPart }) => {
      const turn: Turn =
        toolChoice === "none"
          ? { text: "I have to stop here: a limit is reached. out/ledger.csv has what I found so far.", calls: [] }
          : nextTurn(messages, folderOf(run));
      for (const text of turn.text.split(/(?<=\s)/)) {
        await pause(delayMs, undefined, { signal });
        onPart({ type: "text.delta", text });
      }
      for (const { tool, input } of turn.calls) {
        for (const [text] of JSON.stringify(input).matchAll(/.{1,24}/gsu)) {
          await pause(delayMs, undefined, { signal });
          onPart({ type: "tool-input.delta", toolName: tool, text });
        }
      }
      return toAnswer(turn, step);
    },
  };
}

function toAnswer({ text, calls }: Turn, step: number): ModelAnswer {
  const parts = calls.map(({ tool, input }, i) => {
    return { type: "tool-call" as const, toolCallId: `script-${step}-${i}`, toolName: tool, input };
  });
  return {
    content: [{ type: "text", text }, ...parts],
    finish: calls.length > 0 ? "tool-calls" : "stop",
    // A script uses no tokens.
    usage: { inputTokens: 0, outputTokens: 0 },
  };
}
