/** Provider packages, keys, tiers, prices. */
import { createModels } from "../../../adapters/models/create-models.ts";
import { PROVIDER_PACKAGES } from "../../../adapters/models/providers.ts";
import { describeError } from "../describe-error.ts";
import { type ModelsConfig, readModelsConfig } from "../models.ts";
import type { Examination, Finding } from "./examine.ts";

const VARIABLES = [
  "ANTHROPIC_API_KEY",
  "OPENAI_API_KEY",
  "GOOGLE_GENERATIVE_AI_API_KEY",
  "GEMINI_API_KEY",
  "EXECUTUS_BASE_URL",
  "EXECUTUS_API_KEY",
  "OLLAMA_BASE_URL",
  "EXECUTUS_MODEL",
] as const;

export async function examineModels({ modelsFile }: Examination): Promise<readonly Finding[]> {
  const about = [examinePackages(), examineKeys()];
  try {
    const config = await readModelsConfig(modelsFile);
    return [...about, ...(await examineTiers(config))];
  } catch (error) {
    const { message, hint, exitCode } = describeError(error);
    return [...about, { level: "bad", what: "models", text: message, exitCode, ...(hint === undefined ? {} : { hint }) }];
  }
}

function examinePackages(): Finding {
  const names = Object.keys(PROVIDER_PACKAGES);
  const there = names.filter(isInstalled);
  if (there.length > 0) return { level: "ok", what: "packages", text: there.join(", ") };
  const [first = ""] = names;
  return {
    level: "warn",
    what: "packages",
    text: "no provider package is installed",
    hint: `For example: npm install ${first}@${PROVIDER_PACKAGES[first] ?? "latest"}`,
  };
}

function isInstalled(name: string): boolean {
  try {
    import.meta.resolve(name);
    return true;
  } catch {
    return false;
  }
}

/** Names only. */
function examineKeys(): Finding {
  const there = VARIABLES.filter((name) => (process.env[name] ?? "") !== "");
  if (there.length > 0) return { level: "ok", what: "keys", text: there.join(", ") };
  const hint = "Set ANTHROPIC_API_KEY, OPENAI_API_KEY or GOOGLE_GENERATIVE_AI_API_KEY, or OLLAMA_BASE_URL with EXECUTUS_MODEL.";
  return { level: "warn", what: "keys", text: "neither a key nor a model server is set", hint };
}

async function examineTiers(config: ModelsConfig): Promise<readonly Finding[]> {
  const models = createModels({ tiers: config.tiers, models: config.overrides });
  const findings: Finding[] = [];
  for (const [tier, ids] of Object.entries(config.tiers)) {
    for (const id of ids) findings.push(await examineCandidate(tier, id, models));
  }
  return findings;
}

async function examineCandidate(tier: string, id: string, models: ReturnType<typeof createModels>): Promise<Finding> {
  const what = "tier";
  try {
    const [candidate] = await models.resolve(id);
    const price = candidate?.price;
    if (price === undefined) {
      const hint = `No price is known, so no cost limit can be held: give it in models.json (models["${id}"].price).`;
      return { level: "warn", what, text: `${tier}: ${id}`, hint };
    }
    return {
      level: "ok",
      what,
      text: `${tier}: ${id}, $${price.input} in and $${price.output} out per million tokens (${price.asOf})`,
    };
  } catch (error) {
    const { message, hint, exitCode } = describeError(error);
    return { level: "bad", what, text: `${tier}: ${id}: ${message}`, exitCode, ...(hint === undefined ? {} : { hint }) };
  }
}
