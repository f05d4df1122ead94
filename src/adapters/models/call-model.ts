/** One call of an AI SDK model: the prompt, one `doStream`, one answer. Loaded by the first call. */
import { toModelCallError } from "../../kernel/model-error.ts";
import type { Blobs } from "../../ports/blobs.ts";
import type { OutputSnapshot } from "../../ports/output.ts";
import type { ModelAnswer, ModelCall, ModelCallOptions, ToolSchema } from "../../ports/models.ts";
import { AnswerFold } from "./answer-fold.ts";
import type { LanguageModel, PromptMessage, SpecVersion } from "./language-model.ts";
import { PromptCache } from "./prompt-cache.ts";
import { readStream } from "./read-stream.ts";

export interface AiSdkModel {
  readonly id: string;
  readonly version: SpecVersion;
  readonly model: LanguageModel;
  readonly blobs: Blobs | undefined;
}

export type CallModel = (call: ModelCall, options: ModelCallOptions) => Promise<ModelAnswer>;

export function createCallModel(source: AiSdkModel): CallModel {
  const { id, version, model, blobs } = source;
  const prompts = new PromptCache(source);
  return async (call, callOptions) => {
    const { signal } = callOptions;
    try {
      const building = prompts.toPrompt(call.instructions, call.messages, call.settings.instructionsProviderOptions);
      const prompt = building instanceof Promise ? await building : building;
      const fold = new AnswerFold({ id, version, blobs });
      await readStream(model, toCallOptions(call, { prompt, version, signal }), { id, fold, callOptions });
      const answer = await fold.answer();
      return version === "v4" || call.settings.reasoning === undefined ? answer : withWarning(answer, version);
    } catch (error) {
      // Whatever an abort made of the stream, the reason of the abort is what happened.
      if (signal.aborted) throw signal.reason;
      throw toModelCallError(id, error, Date.now());
    }
  };
}

function withWarning(answer: ModelAnswer, version: SpecVersion): ModelAnswer {
  const warning = `setting "reasoning" was not sent: the model speaks AI SDK ${version}`;
  return { ...answer, warnings: [...(answer.warnings ?? []), warning] };
}

interface CallContext {
  readonly prompt: readonly PromptMessage[];
  readonly version: SpecVersion;
  readonly signal: AbortSignal;
}

function toCallOptions(call: ModelCall, { prompt, version, signal }: CallContext): object {
  const { reasoning } = call.settings;
  const settings = settingsOf(call);
  const options: Record<string, unknown> =
    call.tools.length === 0
      ? { ...settings, prompt, abortSignal: signal }
      : { ...settings, tools: toFunctionTools(call.tools), toolChoice: toChoice(call), prompt, abortSignal: signal };
  if (reasoning !== undefined && version === "v4") options["reasoning"] = reasoning;
  if (call.output !== undefined) options["responseFormat"] = toResponseFormat(call.output);
  return options;
}

const CHOICES = {
  auto: Object.freeze({ type: "auto" }),
  none: Object.freeze({ type: "none" }),
  required: Object.freeze({ type: "required" }),
} as const;

function toChoice({ toolChoice }: ModelCall): object {
  return CHOICES[toolChoice];
}

const plainSettings = new WeakMap<object, object>();

/** Those that are sent as they are. A run's settings do not change, and leaving fields out of an object is slow. */
function settingsOf({ settings }: ModelCall): object {
  const known = plainSettings.get(settings);
  if (known !== undefined) return known;
  const { reasoning: _dependsOnVersion, instructionsProviderOptions: _inPrompt, ...rest } = settings;
  plainSettings.set(settings, rest);
  return rest;
}

/** One shape in all versions; a provider that cannot do it says so in its warnings, and the instructions say it in words. */
function toResponseFormat({ schema, name, description }: OutputSnapshot): object {
  return {
    type: "json",
    schema,
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
  };
}

const functionTools = new WeakMap<readonly ToolSchema[], readonly object[]>();

/** The same array for the same tools: a run's tools do not change, and some of them have large schemas. */
function toFunctionTools(tools: readonly ToolSchema[]): readonly object[] {
  const known = functionTools.get(tools);
  if (known !== undefined) return known;
  const converted = tools.map(({ name, description, inputSchema }) => ({ type: "function", name, description, inputSchema }));
  functionTools.set(tools, converted);
  return converted;
}
