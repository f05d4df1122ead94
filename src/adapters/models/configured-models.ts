import type { Models } from "../../ports/models.ts";
import type { ModelsOptions } from "./create-models.ts";

/**
 * Models by tier name or `provider/model`. Built in are `anthropic`, `openai`, `google`, `ollama` and `local` (any server
 * that speaks OpenAI's format, at EXECUTUS_BASE_URL); their packages are optional and loaded when first used. `resolve`
 * rejects with ExecutusError `model_unknown`, `provider_missing` or `provider_key_missing`, also when that concerns only one
 * candidate of a tier: a tier that is half there would change models without anybody noticing.
 *
 * Nothing is read or loaded before the first `resolve`: a program that brings its own models does not pay for these.
 *
 * @example
 * const models = createModels({ tiers: { smart: ["anthropic/claude-sonnet-5-5", "openai/gpt-6-sol"] }, blobs });
 */
export function createModels(options: ModelsOptions = {}): Models {
  let models: Promise<Models> | undefined;
  const load = async (): Promise<Models> => (await import("./create-models.ts")).createModels(options);
  return { resolve: async (tier) => (await (models ??= load())).resolve(tier) };
}
