/**
 * Loop guards: the same call with the same result, A-B-A-B cycles, different reads with one result, consecutive errors.
 *
 * G1 Guards look at finished steps only, so the order in which parallel results arrive does not matter.
 * G2 The ladder is: a hint one short of the limit, the call blocked at the limit, the run stopped at twice the limit. For different
 *    reads with one result the limit is twice as high at first: hint at 2r - 1, blocked from 3r, stopped at 4r, never without a hint.
 * G3 Polling calls are repeated on purpose: they are part of no pattern.
 */
import type { JsonValue } from "../ports/json.ts";
import type { ToolOutput } from "../ports/messages.ts";

interface Entry {
  /** Name and arguments, canonical. */
  readonly call: string;
  readonly result: ToolOutput;
  /** Name of the tool, of a successful `read` that is no polling. */
  readonly read: string | undefined;
}

/** The last finished calls, oldest first; as many as twice the limit of the longest cycle needs. */
export type History = readonly Entry[];

export const NO_HISTORY: History = [];

/** The longest cycle that is looked for: A-B-C-D-A-B-C-D. */
const LONGEST_CYCLE = 4;

export interface Repetition {
  readonly guard: "repeat" | "cycle";
  /** How often the pattern has been seen, the given call included. */
  readonly count: number;
}

export function remember(history: History, calls: readonly Entry[], limit: number): History {
  if (calls.length === 0) return history;
  const kept = Math.max(0, history.length + calls.length - 2 * limit * LONGEST_CYCLE);
  return history.slice(kept).concat(calls);
}

/**
 * How often the pattern that ends with `call` has been seen, `call` included. Without a call: the pattern at the end of the
 * history. One call over and over is a `repeat`, two to four in turn are a `cycle`.
 */
export function repetition(history: History, call?: string): Repetition | undefined {
  for (let period = 1; period <= LONGEST_CYCLE; period++) {
    const count = occurrences(history, call, period);
    if (count > 1) return { guard: period === 1 ? "repeat" : "cycle", count };
  }
  return undefined;
}

/** With a call, it counts as one more occurrence when it is the next of the pattern that the history ends with. */
function occurrences(history: History, call: string | undefined, period: number): number {
  const end = history.length;
  if (call !== undefined && history[end - period]?.call !== call) return 0;
  let matched = Math.min(period, end);
  for (let i = end - 1 - period; i >= 0; i--) {
    const later = history[i + period];
    if (history[i]?.call !== later?.call || !isSame(history[i]?.result, later?.result)) break;
    matched++;
  }
  return Math.floor(matched / period) + (call === undefined ? 0 : 1);
}

/** How many different reads at the end of the history were made with one tool and gave one result. */
export function equalResults(history: History): number {
  const last = history[history.length - 1];
  if (last?.read === undefined) return 0;
  const calls = new Set<string>();
  for (let i = history.length - 1; i >= 0; i--) {
    const entry = history[i];
    if (entry?.read !== last.read || !isSame(entry.result, last.result)) break;
    calls.add(entry.call);
  }
  return calls.size;
}

export function callKey(name: string, input: JsonValue): string {
  return `${name} ${canonical(input)}`;
}

function isSame(a: ToolOutput | undefined, b: ToolOutput | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined || a.type !== b.type) return false;
  if (typeof a.value === "string" || typeof b.value === "string") return a.value === b.value;
  return canonical(a.value as JsonValue) === canonical(b.value as JsonValue);
}

/** JSON with sorted keys. */
export function canonical(value: JsonValue): string {
  if (value === null || typeof value !== "object" || isCanonical(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item as JsonValue)).join(",")}]`;
  const object = value as { readonly [key: string]: JsonValue };
  const fields = Object.keys(object).sort();
  return `{${fields.map((key) => `${JSON.stringify(key)}:${canonical(object[key] ?? null)}`).join(",")}}`;
}

/** Flat, and its keys are in order already, as most arguments of tools are: then plain JSON is the same. */
function isCanonical(object: object): boolean {
  let previous = "";
  for (const key in object) {
    const field = (object as { readonly [key: string]: unknown })[key];
    if (key < previous || field === undefined || (typeof field === "object" && field !== null)) return false;
    previous = key;
  }
  return !Array.isArray(object);
}
