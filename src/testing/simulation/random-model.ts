/** A model of a simulated world: slow, unreliable, and without a plan unless it has a script. */
import { messagesTokens } from "../../kernel/context-size.ts";
import { ModelCallError } from "../../kernel/model-error.ts";
import type { AssistantPart } from "../../ports/messages.ts";
import type { ModelAnswer, ModelCall, ModelCallOptions, ModelCandidate, ModelPrice, Models } from "../../ports/models.ts";
import type { SeededRandom } from "../seeded-random.ts";
import type { Host } from "./host.ts";
import type { Oracle } from "./oracle.ts";
import { sampleInput } from "./sample-input.ts";
import type { Schedule } from "./schedule.ts";

export interface ModelPlace {
  readonly host: Host;
  readonly schedule: Schedule;
  readonly oracle: Oracle;
  readonly leaseMs: number;
  /** Probabilities, of each call. */
  readonly trouble: { modelFails: number; modelHangs: number };
  /** Says what there is to say; without one the answers are random. */
  readonly script: ModelCandidate | undefined;
  /** A conversation that takes more is refused. */
  readonly contextTokens: number | undefined;
}

const PRICE: ModelPrice = { input: 1, output: 2, asOf: "2026-01-01" };
const ANSWER_MS = 300;
const HANGS_MS = 20_000;

export function randomModels(place: ModelPlace): Models {
  const candidate: ModelCandidate = {
    id: "simulated/model",
    price: PRICE,
    ...(place.contextTokens === undefined ? {} : { contextTokens: place.contextTokens }),
    call: (call, options) => answer(place, call, options),
  };
  return { resolve: () => Promise.resolve([candidate]) };
}

async function answer(place: ModelPlace, call: ModelCall, options: ModelCallOptions): Promise<ModelAnswer> {
  const { schedule, host, oracle, trouble, leaseMs, script } = place;
  const { random } = schedule;
  oracle.modelCalled(call, host);
  const wait = (ms: number): Promise<void> => waits(place, ms, options.signal);
  if (random.chance(trouble.modelHangs)) {
    await wait(HANGS_MS);
    throw new ModelCallError("model_timeout", "simulated/model: no answer");
  }
  const fails = random.chance(trouble.modelFails);
  await wait(random.chance(0.03) ? leaseMs * (1 + random.next()) : random.next() * ANSWER_MS);
  if (fails && random.chance(0.5)) throw new ModelCallError("model_overloaded", "simulated/model: overloaded");
  if (promptTokens(call) > (place.contextTokens ?? Infinity))
    throw new ModelCallError("model_context_overflow", `simulated/model: the prompt is too long: ${promptTokens(call)} tokens`);
  const said = script === undefined ? improvised(call, random) : await script.call(call, options);
  for (const part of said.content) {
    options.onPart(part.type === "text" ? { type: "text.delta", text: part.text } : undefined);
    await wait(random.next() * ANSWER_MS);
    if (fails) throw new ModelCallError("model_incomplete", "simulated/model: the answer broke off");
  }
  return said;
}

function improvised(call: ModelCall, random: SeededRandom): ModelAnswer {
  const usage = { inputTokens: promptTokens(call) + random.below(100), outputTokens: 5 + random.below(50) };
  const isOver = call.toolChoice === "none" || call.tools.length === 0 || random.chance(call.step < 4 ? 0.25 : 0.7);
  const content: AssistantPart[] = [{ type: "text", text: `Step ${call.step}, try ${call.attempt}.` }];
  if (isOver) return { content, finish: "stop", usage };
  for (let calls = 1 + random.below(3); calls > 0; calls--) {
    const { name, inputSchema } = random.pick(call.tools);
    const toolCallId = `call_${call.step}_${content.length}`;
    content.push({ type: "tool-call", toolCallId, toolName: name, input: sampleInput(inputSchema, random) });
  }
  return { content, finish: "tool-calls", usage };
}

function promptTokens({ instructions, tools, messages }: ModelCall): number {
  return messagesTokens(messages) + Math.ceil((instructions.length + JSON.stringify(tools).length) / 4);
}

function waits({ schedule, host }: ModelPlace, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    schedule.after(ms, host, resolve);
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}
