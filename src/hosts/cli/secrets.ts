/** What the command line never shows and never keeps: keys of providers, and the variables named in EXECUTUS_SECRETS. */
import { createRedactor, type Redactor } from "../../run/redactor.ts";

interface SecretValue {
  readonly name: string;
  readonly value: string;
}

/** Keys that are in the environment anyway. */
const KEYS = /^[A-Z0-9_]+_API_KEY$/;

/** Shorter values are no secrets: they would take half of every text with them. */
const SHORTEST = 8;

export function cliSecrets(env: NodeJS.ProcessEnv = process.env): readonly SecretValue[] {
  const named = new Set((env["EXECUTUS_SECRETS"] ?? "").split(/[\s,]+/).filter((name) => name !== ""));
  return Object.entries(env).flatMap(([name, value = ""]) => {
    const isSecret = named.has(name) || KEYS.test(name);
    return isSecret && value.length >= SHORTEST ? [{ name, value }] : [];
  });
}

let redactor: Redactor | undefined;
let isMade = false;

/** A text on its way out of the process. */
export function withoutSecrets(text: string): string {
  if (!isMade) redactor = createRedactor(cliSecrets());
  isMade = true;
  return redactor === undefined ? text : redactor.text(text);
}
