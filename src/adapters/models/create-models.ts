/** Models from configuration: tiers, providers, prices. */
import { ExecutusError, nearest } from "../../kernel/errors.ts";
import type { Blobs } from "../../ports/blobs.ts";
import type { ModelCandidate, Models } from "../../ports/models.ts";
import { fromAiSdkModel, modelIdOf } from "./ai-sdk.ts";
import { factsOf, type ModelOverrides } from "./catalog.ts";
import { tiersFromEnvironment } from "./environment.ts";
import type { LanguageModel } from "./language-model.ts";
import { isModelId } from "./models-file.ts";
import { type Environment, loadProvider, type ModelFactory, type ProviderSource } from "./providers.ts";

/** `provider/model`, an AI SDK model, or a candidate of your own. */
export type TierEntry = string | LanguageModel | ModelCandidate;

export interface ModelsOptions {
  /** Ordered candidates by tier name. Default: `tiersFromEnvironment(env)`. */
  readonly tiers?: Readonly<Record<string, readonly TierEntry[]>>;
  /** Prices and context windows by `provider/model`, over those that ship with the package. */
  readonly models?: ModelOverrides;
  /** Providers by the name used in `provider/model`; they go before the built-in ones of the same name. */
  readonly providers?: Readonly<Record<string, ProviderSource>>;
  /** Where keys and addresses are read. Default: `process.env`. */
  readonly env?: Environment;
  /** Where files in conversations and answers are kept. */
  readonly blobs?: Blobs;
}

/**
 * Models by tier name or `provider/model`. Built in are `anthropic`, `openai`, `google`, `ollama` and `local` (any server
 * that speaks OpenAI's format, at EXECUTUS_BASE_URL); their packages are optional and loaded when first used. `resolve`
 * rejects with ExecutusError `model_unknown`, `provider_missing` or `provider_key_missing`, also when that concerns only one
 * candidate of a tier: a tier that is half there would change models without anybody noticing.
 *
 * @example
 * const models = createModels({ tiers: { smart: ["anthropic/claude-sonnet-5-5", "openai/gpt-6-sol"] }, blobs });
 */
export function createModels(options: ModelsOptions = {}): Models {
  const env = options.env ?? process.env;
  const tiers = options.tiers ?? tiersFromEnvironment(env);
  const given = givenModels(tiers);
  const candidates = new Map<string, Promise<ModelCandidate>>();
  const factories = new Map<string, Promise<ModelFactory>>();

  const build = async (id: string): Promise<ModelCandidate> => {
    const known = given.get(id);
    if (known !== undefined && isCandidate(known)) return known;
    const provider = id.slice(0, id.indexOf("/"));
    const load = (): Promise<ModelFactory> => loadProvider(provider, options.providers ?? {}, env);
    const model = known ?? (await (await remember(factories, provider, load))(id.slice(provider.length + 1)));
    const { price, contextTokens } = await factsOf(id, options.models);
    return fromAiSdkModel(model, {
      id,
      ...(price === undefined ? {} : { price }),
      ...(contextTokens === undefined ? {} : { contextTokens }),
      ...(options.blobs === undefined ? {} : { blobs: options.blobs }),
    });
  };

  return {
    async resolve(tier) {
      const ids = idsOf(tier, tiers, given);
      return Promise.all(ids.map((id) => remember(candidates, id, () => build(id))));
    },
  };
}

/** What was built is kept; what failed is tried again, because a key or a package may be there by then. */
async function remember<T>(kept: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const known = kept.get(key);
  if (known !== undefined) return known;
  const made = make();
  kept.set(key, made);
  try {
    return await made;
  } catch (error) {
    kept.delete(key);
    throw error;
  }
}

type Tiers = NonNullable<ModelsOptions["tiers"]>;
type GivenModel = LanguageModel | ModelCandidate;

/** Models that were handed over as objects, by id: a run that goes on asks for the id it began with. */
function givenModels(tiers: Tiers): ReadonlyMap<string, GivenModel> {
  const objects = Object.values(tiers).flatMap((entries) => entries.filter((entry) => typeof entry !== "string"));
  return new Map(objects.map((object) => [idOf(object), object]));
}

function idOf(entry: TierEntry): string {
  if (typeof entry === "string") return entry;
  return isCandidate(entry) ? entry.id : modelIdOf(entry);
}

function isCandidate(model: GivenModel): model is ModelCandidate {
  return "call" in model && typeof model.call === "function";
}

function idsOf(tier: string, tiers: Tiers, given: ReadonlyMap<string, GivenModel>): readonly string[] {
  if (!Object.hasOwn(tiers, tier)) {
    if (given.has(tier) || isModelId(tier)) return [tier];
    throw unknownTier(tier, Object.keys(tiers));
  }
  const ids = (tiers[tier] ?? []).map(idOf);
  if (ids.length === 0) throw new ExecutusError("model_unknown", `the model tier "${tier}" has no candidates`);
  const wrong = ids.find((id) => !given.has(id) && !isModelId(id));
  if (wrong === undefined) return ids;
  const message = `the model tier "${tier}" lists "${wrong}", which is not provider/model`;
  throw new ExecutusError("model_unknown", message, { hint: `For example: openai/${wrong}` });
}

function unknownTier(tier: string, known: readonly string[]): ExecutusError {
  const near = nearest(tier, known);
  const names = known.length === 0 ? "no tiers are configured" : `known tiers: ${known.join(", ")}`;
  const nothing =
    "Set ANTHROPIC_API_KEY, OPENAI_API_KEY or GOOGLE_GENERATIVE_AI_API_KEY, or EXECUTUS_BASE_URL (or OLLAMA_BASE_URL) with EXECUTUS_MODEL.";
  const otherwise = near === undefined ? `Use a known tier, or a model as provider/model.` : `Did you mean "${near}"?`;
  const hint = known.length === 0 ? nothing : otherwise;
  return new ExecutusError("model_unknown", `there is no model tier "${tier}" (${names})`, { hint });
}
