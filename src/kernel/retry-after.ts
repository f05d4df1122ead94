/** How long a provider asks us to stay away, read from its response headers. */

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const HTTP_DATE = /^[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT$/;
const DAY_MS = 86_400_000;

/**
 * Milliseconds from `retry-after-ms`, or `retry-after` in seconds or as an HTTP date. A date needs `nowMs`; one that has
 * passed means 0. Undefined when there is nothing usable.
 */
export function retryAfterMs(headers: Readonly<Record<string, unknown>>, nowMs?: number): number | undefined {
  const exact = positiveNumber(headerOf(headers, "retry-after-ms"));
  if (exact !== undefined) return Math.round(exact);
  const text = headerOf(headers, "retry-after");
  const seconds = positiveNumber(text);
  if (seconds !== undefined) return Math.round(seconds * 1000);
  const date = text === undefined ? undefined : httpDateMs(text);
  return date === undefined || nowMs === undefined ? undefined : Math.max(0, date - nowMs);
}

function headerOf(headers: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const key = Object.keys(headers).find((key) => key.toLowerCase() === name);
  const value = key === undefined ? undefined : headers[key];
  return typeof value === "string" ? value.trim() : undefined;
}

function positiveNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}

/** By hand, because the kernel has no clock to read by accident. */
function httpDateMs(text: string): number | undefined {
  const match = HTTP_DATE.exec(text);
  const month = match === null ? -1 : MONTHS.indexOf(match[2] ?? "");
  if (match === null || month < 0) return undefined;
  const [day, year, hours, minutes, seconds] = [1, 3, 4, 5, 6].map((group) => Number(match[group]));
  const days = daysSinceEpoch(year ?? 0, month + 1, day ?? 0);
  return days * DAY_MS + ((hours ?? 0) * 3600 + (minutes ?? 0) * 60 + (seconds ?? 0)) * 1000;
}

/** Gregorian calendar, years that begin in March so that the leap day is the last of its year. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const leapDays = Math.floor(shifted / 4) - Math.floor(shifted / 100) + Math.floor(shifted / 400);
  return shifted * 365 + leapDays + dayOfYear - 719_468;
}
