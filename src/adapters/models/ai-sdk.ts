/** An AI SDK language model as a candidate: one `doStream`, folded into one answer. No retries: those are the driver's. */
import { ModelCallError, toModelCallError } from "../../kernel/model-error.ts";
import type { Blobs } from "../../ports/blobs.ts";
import type { OutputSnapshot } from "../../ports/output.ts";
import type { ModelAnswer, ModelCall, ModelCandidate, ModelPrice, ToolSchema } from "../../ports/models.ts";
import { AnswerFold } from "./answer-fold.ts";
import type { LanguageModel, PromptMessage, SpecVersion } from "./language-model.ts";
import { PromptCache } from "./prompt-cache.ts";
import { readStream } from "./read-stream.ts";

export interface AiSdkModelOptions {
  /** Default `provider/model`, from the first word of the model's provider and its id. */
  readonly id?: string;
  /** Without it the cost of a run is unknown, and a limit on cost is refused. */
  readonly price?: ModelPrice;
  /** Context window in tokens. */
  readonly contextTokens?: number;
  /** Where files in a conversation are read from and files in an answer go. Without it they are errors. */
  readonly blobs?: Blobs;
}

/**
 * Any AI SDK language model (V2, V3 or V4) as a candidate of a tier. Throws when `model` is none. Calls reject with a
 * ModelCallError, with the reason of `options.signal` when that was aborted, or with an ExecutusError of the blob store.
 *
 * @example
 * const candidate = fromAiSdkModel(createOpenAI({ apiKey })("gpt-5-mini"), { blobs });
 */
export function fromAiSdkModel(model: LanguageModel, options: AiSdkModelOptions = {}): ModelCandidate {
  const version = versionOf(model);
  const id = options.id ?? modelIdOf(model);
  const { blobs } = options;
  const prompts = new PromptCache({ id, version, model, blobs });
  return {
    id,
    ...(options.price === undefined ? {} : { price: options.price }),
    ...(options.contextTokens === undefined ? {} : { contextTokens: options.contextTokens }),
    async call(call, callOptions): Promise<ModelAnswer> {
      const { signal } = callOptions;
      try {
        const prompt = await prompts.toPrompt(call.instructions, call.messages, call.settings.instructionsProviderOptions);
        const fold = new AnswerFold({ id, version, blobs });
        await readStream(model, toCallOptions(call, { prompt, version, signal }), { id, fold, callOptions });
        const answer = await fold.answer();
        return version === "v4" || call.settings.reasoning === undefined ? answer : withWarning(answer, version);
      } catch (error) {
        // Whatever an abort made of the stream, the reason of the abort is what happened.
        if (signal.aborted) throw signal.reason;
        throw toModelCallError(id, error, Date.now());
      }
    },
  };
}

function withWarning(answer: ModelAnswer, version: SpecVersion): ModelAnswer {
  const warning = `setting "reasoning" was not sent: the model speaks AI SDK ${version}`;
  return { ...answer, warnings: [...(answer.warnings ?? []), warning] };
}

/** `provider/model`: the first word of the provider, because the rest names the API it is called through. */
export function modelIdOf(model: LanguageModel): string {
  return `${model.provider.split(".")[0] ?? model.provider}/${model.modelId}`;
}

function versionOf(model: LanguageModel): SpecVersion {
  const { specificationVersion: version, provider, modelId } = model;
  if ((version === "v2" || version === "v3" || version === "v4") && typeof model.doStream === "function") return version;
  const found = `${provider}/${modelId} (specificationVersion ${version})`;
  throw new ModelCallError("model_unsupported", `${found} is no AI SDK language model of version v2, v3 or v4`);
}

interface CallContext {
  readonly prompt: readonly PromptMessage[];
  readonly version: SpecVersion;
  readonly signal: AbortSignal;
}

function toCallOptions(call: ModelCall, { prompt, version, signal }: CallContext): object {
  const { reasoning, instructionsProviderOptions: _inPrompt, ...settings } = call.settings;
  return {
    ...settings,
    ...(reasoning === undefined || version !== "v4" ? {} : { reasoning }),
    ...(call.tools.length === 0 ? {} : { tools: toFunctionTools(call.tools), toolChoice: { type: call.toolChoice } }),
    ...(call.output === undefined ? {} : { responseFormat: toResponseFormat(call.output) }),
    prompt,
    abortSignal: signal,
  };
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
