/** What an agent is: data plus the code of its tools. */
import type { LimitsInput } from "./limits.ts";
import type { ModelSettings } from "./models.ts";
import type { Tool } from "./tools.ts";

/** Made by `defineAgent` or read from a Markdown file. */
export interface Agent {
  readonly name: string;
  readonly id?: string;
  readonly description?: string;
  readonly instructions: string;
  /** Tier or `provider/model`; default: the executor's `defaultTier`, else `fast`. */
  readonly model?: string;
  /** Names resolved by the executor's registry, or tools themselves. */
  readonly tools?: readonly (string | Tool)[];
  readonly limits?: LimitsInput;
  readonly settings?: ModelSettings;
  /** Where the definition came from; journaled so that another process can find the code again. */
  readonly source?: string;
}
