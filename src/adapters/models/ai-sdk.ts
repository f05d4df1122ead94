/** An AI SDK language model as a candidate: one `doStream`, folded into one answer. No retries: those are the driver's. */
import { ModelCallError } from "../../kernel/model-error.ts";
import type { Blobs } from "../../ports/blobs.ts";
import type { ModelCandidate, ModelPrice } from "../../ports/models.ts";
import type { CallModel } from "./call-model.ts";
import type { LanguageModel, SpecVersion } from "./language-model.ts";

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
  let callModel: CallModel | undefined;
  const load = async (): Promise<CallModel> => {
    const { createCallModel } = await import("./call-model.ts");
    return (callModel ??= createCallModel({ id, version, model, blobs }));
  };
  return {
    id,
    ...(options.price === undefined ? {} : { price: options.price }),
    ...(options.contextTokens === undefined ? {} : { contextTokens: options.contextTokens }),
    call: (call, callOptions) =>
      callModel === undefined ? load().then((loaded) => loaded(call, callOptions)) : callModel(call, callOptions),
  };
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
