/** Tiers without configuration: from the keys and addresses that are in the environment anyway. */
import { ExecutusError } from "../../kernel/errors.ts";
import { isModelId } from "./models-file.ts";
import type { Environment } from "./providers.ts";

type Tiers = Readonly<Record<string, readonly string[]>>;

const TIER_VARIABLE = /^EXECUTUS_TIER_([A-Z0-9_]+)$/;

/**
 * `fast` and `smart` from the first that is set: ANTHROPIC_API_KEY, OPENAI_API_KEY, GOOGLE_GENERATIVE_AI_API_KEY (or
 * GEMINI_API_KEY), then EXECUTUS_BASE_URL or OLLAMA_BASE_URL with the model in EXECUTUS_MODEL. A variable
 * `EXECUTUS_TIER_<NAME>`, a comma list of `provider/model`, defines or replaces the tier of that name. Empty when there is
 * nothing. Throws ExecutusError `usage` for a list that is none.
 *
 * @example
 * tiersFromEnvironment({ OPENAI_API_KEY: "...", EXECUTUS_TIER_FAST: "ollama/qwen3" }).fast; // ["ollama/qwen3"]
 */
export function tiersFromEnvironment(env: Environment): Tiers {
  const named = Object.entries(env).flatMap(([variable, list]) => {
    const name = TIER_VARIABLE.exec(variable)?.[1];
    return name === undefined || list === undefined || list === "" ? [] : [[name.toLowerCase(), toList(variable, list)] as const];
  });
  return { ...defaultTiers(env), ...Object.fromEntries(named) };
}

function defaultTiers(env: Environment): Tiers {
  const isSet = (name: string): boolean => (env[name] ?? "") !== "";
  if (isSet("ANTHROPIC_API_KEY")) return { fast: ["anthropic/claude-haiku-5-5"], smart: ["anthropic/claude-sonnet-5-5"] };
  if (isSet("OPENAI_API_KEY")) return { fast: ["openai/gpt-6-luna"], smart: ["openai/gpt-6.1-sol"] };
  if (isSet("GOOGLE_GENERATIVE_AI_API_KEY") || isSet("GEMINI_API_KEY")) {
    return { fast: ["google/gemini-3.5-flash-lite"], smart: ["google/gemini-4-hydrogen"] };
  }
  const model = env["EXECUTUS_MODEL"] ?? "";
  if (model === "") return {};
  const server = ["EXECUTUS_BASE_URL", "OLLAMA_BASE_URL"].find(isSet);
  if (server === undefined) return {};
  const id = `${server === "OLLAMA_BASE_URL" ? "ollama" : "local"}/${model}`;
  return { fast: [id], smart: [id] };
}

function toList(variable: string, list: string): readonly string[] {
  const ids = list.split(",").map((id) => id.trim());
  const wrong = ids.find((id) => !isModelId(id));
  if (wrong === undefined) return ids;
  const hint = `For example: ${variable}=anthropic/claude-haiku-5-5,openai/gpt-6-luna`;
  throw new ExecutusError("usage", `${variable} has "${wrong}", which is not provider/model`, { hint });
}
