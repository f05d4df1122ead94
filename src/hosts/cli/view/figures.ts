/** Times, amounts and arguments, short enough to be read at a glance. */
import { NO_LIMIT } from "../../../kernel/limits.ts";
import type { RunState } from "../../../kernel/state.ts";
import type { Cost } from "../../../ports/view.ts";
import { fit, oneLine } from "./text.ts";

/** `850ms`, `12s`, `1m 5s`, `2h 3m`, `4d 1h`. */
export function duration(ms: number): string {
  if (ms >= NO_LIMIT) return "unlimited";
  if (ms < 1_000) return `${Math.round(ms)}ms`;
  if (ms < 10_000) return `${Math.round(ms / 100) / 10}s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return pair(Math.floor(seconds / 60), "m", seconds % 60, "s");
  const minutes = Math.round(seconds / 60);
  if (minutes < 1_440) return pair(Math.floor(minutes / 60), "h", minutes % 60, "m");
  return pair(Math.floor(minutes / 1_440), "d", Math.floor((minutes % 1_440) / 60), "h");
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit} ${small}${smallUnit}`;
}

/** How long ago, in one unit. */
export function ago(at: number, now: number): string {
  const ms = Math.max(0, now - at);
  if (ms < 2_000) return "now";
  return `${(duration(ms < 60_000 ? Math.floor(ms / 1_000) * 1_000 : ms).split(" ")[0] ?? "").replace(/\.\ds$/, "s")} ago`;
}

/** `950`, `12.3k`, `1.2M`. */
export function count(n: number): string {
  if (n < 1_000) return String(n);
  const [value, unit] = n < 999_950 ? [n / 1_000, "k"] : [n / 1_000_000, "M"];
  return `${value < 100 ? value.toFixed(1).replace(/\.0$/, "") : Math.round(value)}${unit}`;
}

/** What a run has cost; where the cost of some of its calls is not known, what it has cost at least. */
export function spent({ costUsd, usage, models, step }: RunState): string {
  // Where every answer of the only model cost nothing, so did the call of which nothing is known.
  const isFree = models.length === 1 && step > 0 && costUsd === 0;
  if (costUsd === "unknown" || usage.unknownCalls === 0 || isFree) return money(costUsd);
  return costUsd === 0 ? money("unknown") : `at least ${money(costUsd)}`;
}

export function money(cost: Cost): string {
  if (cost === "unknown") return "cost unknown";
  if (cost === 0) return "$0";
  return cost < 0.01 ? `$${cost.toPrecision(2).replace(/\.?0+$/, "")}` : `$${cost.toFixed(2)}`;
}

/** `1 step`, `5 steps`. */
export function plural(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

/** Arguments of a call: a lone value as it is, several by name. */
export function callArguments(input: unknown, columns: number): string {
  const isObject = typeof input === "object" && input !== null && !Array.isArray(input);
  const entries = isObject ? Object.entries(input) : [["", input] as const];
  const shown = entries.length === 1 ? value(entries[0]?.[1]) : entries.map(([key, field]) => `${key}=${value(field)}`).join(" ");
  return fit(oneLine(shown), columns);
}

const LONGEST_VALUE = 60;

function value(field: unknown): string {
  const text = typeof field === "string" ? (/\s|^$/.test(field) ? JSON.stringify(field) : field) : (JSON.stringify(field) ?? "");
  return fit(text, LONGEST_VALUE);
}

/** First words of what a call brought. */
export function callOutput(output: unknown, columns: number): string {
  const text = typeof output === "string" ? output : (JSON.stringify(output) ?? "");
  return fit(oneLine(text.slice(0, 2_000)), columns);
}
