/** Where models come from: the AI SDK's provider packages, servers that speak OpenAI's format, and what the user brings. */
import { ExecutusError, isExecutusError, nearest } from "../../kernel/errors.ts";
import type { LanguageModel } from "./language-model.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** A server that speaks OpenAI's chat completions: vLLM, llama.cpp, LM Studio, a proxy. */
export interface OpenAiCompatibleServer {
  readonly baseUrl: string;
  readonly apiKey?: string;
}

/** An AI SDK provider (`createOpenAI({ ... })`), a function that makes a model of its name, or a server's address. */
export type ProviderSource =
  | ((modelId: string) => LanguageModel | Promise<LanguageModel>)
  | { languageModel(modelId: string): LanguageModel }
  | OpenAiCompatibleServer;

/** Makes models of one provider by their name there. */
export type ModelFactory = (modelId: string) => LanguageModel | Promise<LanguageModel>;

type BuiltIn = (env: Environment) => Promise<ModelFactory>;

const OLLAMA_BASE_URL = "http://127.0.0.1:11434/v1";

/** Exact versions for the install command, those the package is tested with. */
export const PROVIDER_PACKAGES: Readonly<Record<string, string>> = {
  "@ai-sdk/anthropic": "4.0.105",
  "@ai-sdk/google": "4.0.121",
  "@ai-sdk/openai": "4.0.118",
  "@ai-sdk/openai-compatible": "3.0.92",
};

const BUILT_IN: Readonly<Record<string, BuiltIn>> = {
  async anthropic(env) {
    const apiKey = keyOf(env, "anthropic", ["ANTHROPIC_API_KEY"]);
    const { createAnthropic } = await importProvider("@ai-sdk/anthropic", () => import("@ai-sdk/anthropic"));
    return createAnthropic({ apiKey, ...baseUrlOf(env["ANTHROPIC_BASE_URL"]) });
  },
  async openai(env) {
    const apiKey = keyOf(env, "openai", ["OPENAI_API_KEY"]);
    const { createOpenAI } = await importProvider("@ai-sdk/openai", () => import("@ai-sdk/openai"));
    return createOpenAI({ apiKey, ...baseUrlOf(env["OPENAI_BASE_URL"]) });
  },
  async google(env) {
    const apiKey = keyOf(env, "google", ["GOOGLE_GENERATIVE_AI_API_KEY", "GEMINI_API_KEY"]);
    const { createGoogle } = await importProvider("@ai-sdk/google", () => import("@ai-sdk/google"));
    return createGoogle({ apiKey });
  },
  ollama(env) {
    return openAiCompatible("ollama", { baseUrl: env["OLLAMA_BASE_URL"] ?? OLLAMA_BASE_URL });
  },
  local(env) {
    const baseUrl = keyOf(env, "local", ["EXECUTUS_BASE_URL"]);
    const apiKey = env["EXECUTUS_API_KEY"];
    return openAiCompatible("local", { baseUrl, ...(apiKey === undefined ? {} : { apiKey }) });
  },
};

/**
 * The factory of a provider, the user's own sources first. Rejects with ExecutusError `model_unknown`,
 * `provider_key_missing` or `provider_missing`.
 */
export async function loadProvider(
  name: string,
  sources: Readonly<Record<string, ProviderSource>>,
  env: Environment,
): Promise<ModelFactory> {
  if (Object.hasOwn(sources, name)) return toFactory(name, sources[name] as ProviderSource);
  if (Object.hasOwn(BUILT_IN, name)) return (BUILT_IN[name] as BuiltIn)(env);
  const known = [...new Set([...Object.keys(sources), ...Object.keys(BUILT_IN)])].sort();
  const near = nearest(name, known);
  const hint = `${near === undefined ? "" : `Did you mean "${near}"? `}Known providers: ${known.join(", ")}.`;
  throw new ExecutusError("model_unknown", `there is no model provider "${name}"`, { hint });
}

async function toFactory(name: string, source: ProviderSource): Promise<ModelFactory> {
  if (typeof source === "function") return source;
  if ("languageModel" in source) return (modelId) => source.languageModel(modelId);
  return openAiCompatible(name, source);
}

async function openAiCompatible(name: string, server: OpenAiCompatibleServer): Promise<ModelFactory> {
  const load = () => import("@ai-sdk/openai-compatible");
  const { createOpenAICompatible } = await importProvider("@ai-sdk/openai-compatible", load);
  const { baseUrl: baseURL, apiKey } = server;
  return createOpenAICompatible({ name, baseURL, includeUsage: true, ...(apiKey === undefined ? {} : { apiKey }) });
}

/** An optional peer: what is not installed is an ExecutusError `provider_missing` with the command that installs it. */
export async function importProvider<T>(packageName: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    if (isExecutusError(cause) || !isNotInstalled(cause, packageName)) throw cause;
    const version = PROVIDER_PACKAGES[packageName];
    const hint = `npm install ${packageName}${version === undefined ? "" : `@${version}`}`;
    throw new ExecutusError("provider_missing", `the package ${packageName} is not installed`, { cause, hint });
  }
}

function isNotInstalled(error: unknown, packageName: string): boolean {
  return (
    error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND" && error.message.includes(packageName)
  );
}

/** The first of the variables that is set; an empty one counts as not set. */
function keyOf(env: Environment, provider: string, names: readonly string[]): string {
  const value = names.map((name) => env[name]).find((value) => value !== undefined && value !== "");
  if (value !== undefined) return value;
  const message = `models of "${provider}" need ${names.join(" or ")}, which is not set`;
  throw new ExecutusError("provider_key_missing", message, { hint: `export ${names[0] ?? ""}=...` });
}

function baseUrlOf(baseURL: string | undefined): { baseURL?: string } {
  return baseURL === undefined || baseURL === "" ? {} : { baseURL };
}
