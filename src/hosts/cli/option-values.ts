/** Options with a unit. */
import { InvalidArgumentError } from "commander";

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `10m`, `1h30m`, `7d` in ms. */
export function parseDuration(text: string): number {
  if (!/^(\d+(\.\d+)?(ms|[smhd]))+$/.test(text))
    throw new InvalidArgumentError("Write a time with its unit: 90s, 10m, 1h30m, 7d.");
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)];
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNITS[unit ?? ""] ?? 0), 0);
}

/** The same for what zero would not bound. */
export function parseLimit(text: string): number {
  const ms = parseDuration(text);
  if (ms <= 0) throw new InvalidArgumentError("Write a time above 0: 90s, 10m.");
  return ms;
}

export function parseCount(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) throw new InvalidArgumentError("Write a whole number above 0.");
  return number;
}

export function parseSequence(text: string): number {
  const number = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(number) || number < 0)
    throw new InvalidArgumentError("Write a whole number from 0 on.");
  return number;
}

export function parseAmount(text: string): number {
  const number = Number(text);
  if (text.trim() === "" || !Number.isFinite(number) || number <= 0)
    throw new InvalidArgumentError("Write a number above 0: 0.50.");
  return number;
}

/** `name=value`, repeated. */
export function parseLabel(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("Write name=value.");
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}
