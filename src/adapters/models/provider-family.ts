/** Who made a part: metadata is keyed by provider namespaces, and models of one family understand each other's. */
import type { JsonObject } from "../../ports/json.ts";
import type { AssistantPart } from "../../ports/messages.ts";

/** Namespaces and words of provider names that are known, and the family they belong to. */
const FAMILIES: ReadonlyMap<string, string> = new Map([
  ["anthropic", "anthropic"],
  ["openai", "openai"],
  ["azure", "openai"],
  ["google", "google"],
  ["googleVertex", "google"],
  ["vertex", "google"],
  ["bedrock", "bedrock"],
  ["amazonBedrock", "bedrock"],
  ["alibaba", "alibaba"],
  ["cerebras", "cerebras"],
  ["cohere", "cohere"],
  ["deepseek", "deepseek"],
  ["fireworks", "fireworks"],
  ["groq", "groq"],
  ["mistral", "mistral"],
  ["moonshotai", "moonshotai"],
  ["perplexity", "perplexity"],
  ["togetherai", "togetherai"],
  ["xai", "xai"],
]);
/** A provider under a name of the user's still ends in the name of its wire format. */
const WIRE_FORMATS: ReadonlyMap<string, string> = new Map([
  ["responses", "openai"],
  ["messages", "anthropic"],
  ["generative-ai", "google"],
]);
/** They pass on what other providers said. */
const ROUTERS: ReadonlySet<string> = new Set(["gateway", "openrouter"]);

export interface ProviderFamily {
  /** False for a namespace of another known provider. An unknown namespace is understood. */
  understands(namespace: string): boolean;
}

/** The family of an AI SDK `provider` string such as `openai.responses` or `google.vertex.chat`. */
export function familyOf(provider: string): ProviderFamily {
  const words = provider.split(".");
  const families = new Set(words.flatMap((word) => [word, ...word.split("-")]).flatMap((word) => FAMILIES.get(word) ?? []));
  const format = WIRE_FORMATS.get(words.at(-1) ?? "");
  if (families.size === 0 && format !== undefined) families.add(format);
  const isRouter = words.some((word) => ROUTERS.has(word));
  return {
    understands(namespace) {
      const family = FAMILIES.get(namespace);
      return family === undefined || isRouter || families.has(family);
    },
  };
}

/** True when a message was made by another known provider: one model makes a whole message. */
export function isForeign(content: readonly AssistantPart[], family: ProviderFamily): boolean {
  let foreign = false;
  for (const namespace of content.flatMap(namespacesOf)) {
    if (!FAMILIES.has(namespace)) continue;
    if (family.understands(namespace)) return false;
    foreign = true;
  }
  return foreign;
}

/** The metadata without what is another provider's; undefined when nothing is left. */
export function withoutForeign(metadata: JsonObject | undefined, family: ProviderFamily): JsonObject | undefined {
  const kept = Object.entries(metadata ?? {}).filter(([namespace]) => family.understands(namespace));
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

/** Keys of the metadata; a provider's own content also says it in `kind`: `anthropic.compaction`. */
function namespacesOf(part: AssistantPart): readonly string[] {
  if (part.type !== "opaque") return Object.keys(part.providerMetadata ?? {});
  const { providerMetadata, kind } = part.part;
  const keys = Object.keys(typeof providerMetadata === "object" && providerMetadata !== null ? providerMetadata : {});
  return typeof kind === "string" ? [...keys, kind.split(".")[0] ?? ""] : keys;
}
