/** Figures and reasons at the end of a stream, in our words. */
import type { JsonObject } from "../../ports/json.ts";
import type { FinishReason, TokenUsage } from "../../ports/models.ts";
import type { Mutable } from "../../ports/mutable.ts";
import { isJsonObject } from "./to-json.ts";

interface Fields {
  readonly [field: string]: unknown;
}

/** V2 reports flat numbers, V3 and V4 nested ones. What was not reported stays absent. */
export function toUsage(usage: unknown, metadata: JsonObject | undefined): TokenUsage {
  if (typeof usage !== "object" || usage === null) return {};
  const fields = usage as Fields;
  const { inputTokens: ofInput, outputTokens: ofOutput } = fields;
  if (!isFields(ofInput) && !isFields(ofOutput)) return flatUsage(fields, metadata);
  const inputs = isFields(ofInput) ? ofInput : {};
  const outputs = isFields(ofOutput) ? ofOutput : {};
  const cacheRead = count(inputs["cacheRead"]);
  const cacheWrite = count(inputs["cacheWrite"]);
  const inputTokens = count(inputs["total"]) ?? sum(count(inputs["noCache"]), cacheRead, cacheWrite);
  const reasoning = count(outputs["reasoning"]);
  const output = count(outputs["total"]) ?? sum(count(outputs["text"]), reasoning);
  return present({
    inputTokens,
    cacheReadTokens: cacheRead,
    cacheWriteTokens: cacheWrite,
    outputTokens: leavesReasoningOut(fields["raw"], sum(inputTokens, output, reasoning)) ? sum(output, reasoning) : output,
    reasoningTokens: reasoning,
  });
}

/** Some servers that speak OpenAI's format do not count reasoning as completion; their own total gives it away. */
function leavesReasoningOut(raw: unknown, sumOfAll: number | undefined): boolean {
  return isFields(raw) && sumOfAll !== undefined && raw["total_tokens"] === sumOfAll;
}

/** V2 of the Anthropic provider leaves cached tokens out of the input and names written ones only in its metadata. */
function flatUsage(fields: Fields, metadata: JsonObject | undefined): TokenUsage {
  const anthropic = metadata?.["anthropic"];
  const cacheRead = count(fields["cachedInputTokens"]);
  const cacheWrite = isJsonObject(anthropic) ? count(anthropic["cacheCreationInputTokens"]) : undefined;
  const input = count(fields["inputTokens"]);
  return present({
    inputTokens: isJsonObject(anthropic) ? sum(input, cacheRead, cacheWrite) : input,
    cacheReadTokens: cacheRead,
    cacheWriteTokens: cacheWrite,
    outputTokens: count(fields["outputTokens"]),
    reasoningTokens: count(fields["reasoningTokens"]),
  });
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}

function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}

/** The first figure is the one that must be there. */
function sum(first: number | undefined, ...rest: readonly (number | undefined)[]): number | undefined {
  if (first === undefined) return undefined;
  return rest.reduce<number>((total, more) => total + (more ?? 0), first);
}

/** Written out: with `Object.entries` it is a fiftieth of a whole step. */
function present(usage: { readonly [K in keyof TokenUsage]: TokenUsage[K] | undefined }): TokenUsage {
  const { inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens, reasoningTokens } = usage;
  const kept: Mutable<TokenUsage> = {};
  if (inputTokens !== undefined) kept.inputTokens = inputTokens;
  if (cacheReadTokens !== undefined) kept.cacheReadTokens = cacheReadTokens;
  if (cacheWriteTokens !== undefined) kept.cacheWriteTokens = cacheWriteTokens;
  if (outputTokens !== undefined) kept.outputTokens = outputTokens;
  if (reasoningTokens !== undefined) kept.reasoningTokens = reasoningTokens;
  return kept;
}

export interface Finish {
  /** `broken`: the provider says that this is not the whole answer. */
  readonly reason: FinishReason | "broken";
  readonly raw?: string;
}

/** V2 finishes with a word, V3 and V4 with `{ unified, raw }`. */
export function toFinish(finishReason: unknown): Finish {
  const { unified, raw } = isFields(finishReason) ? finishReason : { unified: finishReason, raw: undefined };
  const reason = toReason(unified);
  return typeof raw === "string" ? { reason, raw } : { reason };
}

function toReason(word: unknown): Finish["reason"] {
  switch (word) {
    case "stop":
    case "length":
    case "content-filter":
    case "tool-calls":
      return word;
    case "error":
    case "interrupted":
      return "broken";
    default:
      return "other";
  }
}

const LONGEST_WARNING = 200;

/** One short sentence per warning, whatever the version calls its fields. */
export function toWarnings(warnings: unknown): readonly string[] {
  if (!Array.isArray(warnings)) return [];
  return warnings.filter(isFields).map((warning) => {
    const { type, feature, setting, tool, details, message } = warning;
    const subject = feature ?? setting ?? (isFields(tool) ? tool["name"] : undefined);
    const words = [type === "other" ? undefined : type, subject, details ?? message].filter((word) => typeof word === "string");
    return words.join(": ").slice(0, LONGEST_WARNING);
  });
}
