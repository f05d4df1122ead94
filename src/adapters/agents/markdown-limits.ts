/** The `limits` of an agent file: plain words, and times with their unit. */
import { nearest } from "../../kernel/errors.ts";
import type { Limits } from "../../ports/limits.ts";
import { at, type Entry } from "./frontmatter.ts";

type Writable = { -readonly [Key in keyof Limits]?: number };

interface Reading {
  readonly limit: keyof Limits;
  readonly unit: "number" | "time";
}

const LIMITS: Readonly<Record<string, Reading>> = {
  steps: { limit: "maxSteps", unit: "number" },
  time: { limit: "timeMs", unit: "time" },
  tokens: { limit: "tokens", unit: "number" },
  costUsd: { limit: "costUsd", unit: "number" },
  toolErrors: { limit: "toolErrors", unit: "number" },
  repeats: { limit: "repeats", unit: "number" },
  parallelCalls: { limit: "parallelCalls", unit: "number" },
  toolTimeout: { limit: "toolTimeoutMs", unit: "time" },
  grace: { limit: "graceMs", unit: "time" },
  firstToken: { limit: "firstTokenMs", unit: "time" },
  idleToken: { limit: "idleTokenMs", unit: "time" },
  modelCall: { limit: "modelCallMs", unit: "time" },
  modelAttempts: { limit: "modelAttempts", unit: "number" },
  retryBase: { limit: "retryBaseMs", unit: "time" },
  recoveries: { limit: "recoveries", unit: "number" },
};

const LATER = ["idle", "depth"];

export interface LimitsRead {
  readonly limits: Writable;
  readonly unused: readonly Entry[];
}

/** Throws `agent_invalid`, naming file and line. */
export function readLimits(file: string, block: Entry): LimitsRead {
  const limits: Writable = {};
  const unused: Entry[] = [];
  if (block.entries === undefined)
    throw at(file, block.line, "`limits` is not a block", "Write one limit per line below it: `steps: 20`.");
  for (const entry of block.entries) {
    const reading = Object.hasOwn(LIMITS, entry.key) ? LIMITS[entry.key] : undefined;
    if (reading !== undefined) limits[reading.limit] = reading.unit === "time" ? toMs(file, entry) : toNumber(file, entry);
    else if (LATER.includes(entry.key)) unused.push(entry);
    else throw unknownKey(file, entry, [...Object.keys(LIMITS), ...LATER]);
  }
  return { limits, unused };
}

export function unknownKey(file: string, entry: Entry, known: readonly string[]): Error {
  const near = nearest(entry.key, known);
  const hint = near === undefined ? `Known fields: ${known.join(", ")}.` : `Did you mean \`${near}\`?`;
  return at(file, entry.line, `\`${entry.key}\` is not a known field`, hint);
}

export function toNumber(file: string, { key, value, line }: Entry): number {
  if (typeof value === "number" && !Number.isNaN(value)) return value;
  throw at(file, line, `\`${key}\` is ${JSON.stringify(value)}`, "Write a number.");
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function toMs(file: string, { key, value, line }: Entry): number {
  if (value === Infinity) return value;
  if (typeof value === "string" && /^(\d+(\.\d+)?(ms|[smhd]))+$/.test(value)) {
    const parts = value.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g);
    return [...parts].reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNITS[unit ?? ""] ?? 0), 0);
  }
  throw at(file, line, `\`${key}\` is ${JSON.stringify(value)}`, "Write a time with its unit: 90s, 10m, 1h30m.");
}
