/** What an observer hears of a run, taken from real ones: a stream that breaks off, tools, a child, an approval, another process. */
import { defineTool } from "../adapters/tools/define-tool.ts";
import type { Agent } from "../ports/definition.ts";
import type { RunEvent } from "../ports/events.ts";
import type { JsonObject } from "../ports/json.ts";
import type { ModelAnswer, ModelCall, ModelCandidate, ModelDelta } from "../ports/models.ts";
import type { DeltaOrigin, Observer } from "../ports/observer.ts";
import type { Tool } from "../ports/tools.ts";
import { createWorld } from "./world.ts";

/** One call of a hook. */
export type Heard =
  | { readonly hook: "events"; readonly run: string; readonly events: readonly RunEvent[] }
  | { readonly hook: "delta"; readonly origin: DeltaOrigin; readonly delta: ModelDelta }
  | { readonly hook: "warning"; readonly run: string; readonly message: string };

export interface Scene {
  /** What the process hears that begins the run: until it waits for a person. */
  readonly begun: readonly Heard[];
  /** What another one hears that goes on with it, to its end. */
  readonly takenOver: readonly Heard[];
}

/** Arguments are taken as they are: loading a validator is real waiting, which looks like idleness to a fake clock. */
function tool(name: string, execute: Tool["execute"], more: Partial<Tool> = {}): Tool {
  const made = defineTool({ name, description: `The tool ${name}.`, input: { type: "object" }, execute });
  return { ...made, validate: (value) => ({ ok: true, value }), ...more };
}

const look = tool("look", () => Promise.reject(new Error("it is dark")), { effect: "read" });
const pay = tool("pay", async () => ({ paid: true, note: "Grüße\nin two lines" }), { approval: "always" });
const helper: Agent = { name: "helper", instructions: "Help.", description: "Helps." };
const watched: Agent = { name: "watched", instructions: "Look, then pay.", tools: [look, pay], delegates: [helper] };

const USAGE = { inputTokens: 10, outputTokens: 5 };
const CALLS: readonly (readonly { readonly toolName: string; readonly input: JsonObject }[])[] = [
  [
    { toolName: "look", input: { at: "the bill" } },
    { toolName: "agent__helper", input: { prompt: "What is it?" } },
  ],
  [{ toolName: "pay", input: { euros: 40 } }],
];

/** Streams the beginning of its first answer and breaks off. The child's has no tools. */
const model: ModelCandidate = {
  id: "script/model",
  price: { input: 1, output: 2, asOf: "2026-01-01" },
  call: async ({ step, attempt, tools }: ModelCall, { onPart }): Promise<ModelAnswer> => {
    const isChild = tools.length === 0;
    const text = isChild ? "It is a bill." : textOf(step, attempt);
    const words = text.split(/(?<= )/);
    const breaksOff = !isChild && step === 0 && attempt === 1;
    for (const word of breaksOff ? words.slice(0, 2) : words) onPart({ type: "text.delta", text: word });
    if (breaksOff) throw Object.assign(new Error("the stream broke off"), { retryable: true });
    const calls = (isChild ? [] : (CALLS[step] ?? [])).map((call, i) => {
      onPart({ type: "tool-input.delta", toolName: call.toolName, text: JSON.stringify(call.input) });
      return { type: "tool-call" as const, toolCallId: `call_${step}_${i}`, ...call };
    });
    return { content: [{ type: "text", text }, ...calls], finish: calls.length > 0 ? "tool-calls" : "stop", usage: USAGE };
  },
};

/** What the run is answered. */
export const textOf = (step: number, attempt: number): string => `Step ${step}, said at attempt ${attempt}.`;

function recorder(): { readonly heard: Heard[]; readonly observer: Observer } {
  const heard: Heard[] = [];
  const observer: Observer = {
    events: (run, events) => void heard.push({ hook: "events", run, events }),
    delta: (origin, delta) => void heard.push({ hook: "delta", origin, delta }),
    warning: (run, message) => void heard.push({ hook: "warning", run, message }),
  };
  return { heard, observer };
}

/** The same every time; other runs for other names. */
export async function scene(run: string): Promise<Scene> {
  const [first, second] = [recorder(), recorder()];
  const config = { models: { resolve: async () => [model] }, agents: [watched] };
  const world = createWorld([], { ...config, observers: [first.observer] });
  await world.clock.until(world.executor.run(watched, { id: run, input: "Pay the bill." }));
  await world.executor.shutdown();
  const from = { ...world, store: world.store.peer("watching/2") };
  const { clock, executor } = createWorld([], { ...config, from, observers: [second.observer] });
  await executor.send(run, { kind: "approve", approval: `${run}:1.0` });
  await clock.until((await executor.resume(run)).result);
  await executor.shutdown();
  return { begun: first.heard, takenOver: second.heard };
}
