/** A model that says what a test wrote down, and fails loudly when it has nothing left to say. */
import type { AssistantPart } from "../ports/messages.ts";
import type { JsonValue } from "../ports/json.ts";
import type {
  FinishReason,
  ModelAnswer,
  ModelCall,
  ModelCallOptions,
  ModelCandidate,
  ModelPrice,
  Models,
  TokenUsage,
} from "../ports/models.ts";

export interface ScriptedCall {
  readonly name: string;
  readonly input?: JsonValue;
  /** Default: `call_<step>_<n>`. */
  readonly id?: string;
}

/** One answer. `error` is thrown instead; `hang` never answers (until the call's signal is aborted). */
export interface ScriptedAnswer {
  readonly text?: string;
  readonly reasoning?: string;
  readonly calls?: readonly ScriptedCall[];
  readonly finish?: FinishReason;
  readonly usage?: TokenUsage;
  readonly error?: unknown;
  readonly hang?: true;
}

export type Script = readonly ScriptedAnswer[] | ((call: ModelCall) => ScriptedAnswer | Promise<ScriptedAnswer>);

export interface ScriptedModel extends Models {
  /** Every call made so far, as the model got it. */
  readonly calls: ModelCall[];
}

export interface ScriptedModelOptions {
  /** Default `script/model`. */
  readonly id?: string;
  readonly price?: ModelPrice;
  readonly contextTokens?: number;
}

const USAGE: TokenUsage = { inputTokens: 10, outputTokens: 5 };

/**
 * Answers by step: the n-th answer of the list is for step n of every run, so a resumed run gets the same script. A function is
 * asked instead of a list. Any tier resolves to it. Throws when the list has no answer for a step.
 *
 * @example
 * const models = scriptedModel([{ calls: [{ name: "lookup", input: { id: 1 } }] }, { text: "done" }]);
 */
export function scriptedModel(script: Script, options: ScriptedModelOptions = {}): ScriptedModel {
  const calls: ModelCall[] = [];
  const { id = "script/model", price, contextTokens } = options;
  const candidate: ModelCandidate = {
    id,
    ...(price === undefined ? {} : { price }),
    ...(contextTokens === undefined ? {} : { contextTokens }),
    call: async (call, callOptions) => {
      calls.push({ ...call, messages: [...call.messages] });
      return play(await answerOf(script, call), call, callOptions);
    },
  };
  return { calls, resolve: () => Promise.resolve([candidate]) };
}

/** Throws when there is none. */
export async function answerOf(script: Script, call: ModelCall): Promise<ScriptedAnswer> {
  const answer = typeof script === "function" ? await script(call) : script[call.step];
  if (answer === undefined) throw new Error(`the script has no answer for step ${call.step} of ${call.run}`);
  return answer;
}

/** What a scripted answer looks like to the driver. */
async function play(answer: ScriptedAnswer, call: ModelCall, options: ModelCallOptions): Promise<ModelAnswer> {
  if (answer.hang === true) await aborted(options.signal);
  if (answer.error !== undefined) throw answer.error;
  const { text = "", reasoning, calls = [], usage = USAGE } = answer;
  const content: AssistantPart[] = [];
  if (reasoning !== undefined) content.push({ type: "reasoning", text: reasoning });
  if (text !== "") {
    options.onPart({ type: "text.delta", text });
    content.push({ type: "text", text });
  }
  content.push(...calls.map((scripted, i) => toPart(scripted, `call_${call.step}_${i}`)));
  return { content, finish: answer.finish ?? (calls.length > 0 ? "tool-calls" : "stop"), usage };
}

function toPart({ name, input, id }: ScriptedCall, fallback: string): AssistantPart {
  return { type: "tool-call", toolCallId: id ?? fallback, toolName: name, input: input ?? {} };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}
