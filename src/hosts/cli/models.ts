/** Which models an agent runs on: those it brings, else those of a file, else those of the environment. */
import { existsSync } from "node:fs";
import { createModels } from "../../adapters/models/create-models.ts";
import { tiersFromEnvironment } from "../../adapters/models/environment.ts";
import { isModelId, type ModelsFile, readModelsFile } from "../../adapters/models/models-file.ts";
import { ExecutusError } from "../../kernel/errors.ts";
import type { Budget } from "../../ports/budget.ts";
import type { Blobs } from "../../ports/blobs.ts";
import type { Models } from "../../ports/models.ts";
import { programName } from "./command-line.ts";

/** Runs without a model: a script stands in. */
const EXAMPLE = "examples/stocktake/agent.ts";
const FILES = ["executus.json", "models.json"] as const;

export interface ModelsConfig {
  /** Ordered `provider/model` candidates by tier. */
  readonly tiers: Readonly<Record<string, readonly string[]>>;
  readonly overrides: ModelsFile["models"];
  /** What else the file says, not checked yet. */
  readonly budgets?: readonly Budget[];
  readonly supervisor?: string;
  /** The file that was read, if any. */
  readonly file?: string;
}

/** The file named, or ./executus.json or ./models.json where one is there; its tiers go before those of the environment. */
export async function readModelsConfig(named?: string): Promise<ModelsConfig> {
  const file = named ?? FILES.find((name) => existsSync(name));
  const fromEnvironment = tiersFromEnvironment(process.env);
  if (file === undefined) return { tiers: fromEnvironment, overrides: {} };
  const { tiers, models, ...bounds } = await readModelsFile(file);
  return { tiers: { ...fromEnvironment, ...tiers }, overrides: models, ...bounds, file };
}

export async function configuredModels(named: string | undefined, blobs?: Blobs): Promise<Models> {
  const { tiers, overrides } = await readModelsConfig(named);
  const models = createModels({ tiers, models: overrides, ...(blobs === undefined ? {} : { blobs }) });
  if (Object.keys(tiers).length > 0) return models;
  return { resolve: async (tier) => (isModelId(tier) ? models.resolve(tier) : noModels(tier)) };
}

function noModels(tier: string): never {
  const hint = [
    "Give a key: export ANTHROPIC_API_KEY=... (or OPENAI_API_KEY, GOOGLE_GENERATIVE_AI_API_KEY),",
    "or a local server: export OLLAMA_BASE_URL=http://127.0.0.1:11434/v1 EXECUTUS_MODEL=qwen3",
    ...(existsSync(EXAMPLE) ? [`or try it without either: ${programName()} run ${EXAMPLE}`] : []),
  ].join("\n  ");
  throw new ExecutusError(
    "provider_key_missing",
    `there is no model for the tier "${tier}": no key and no model server is configured`,
    { hint },
  );
}
