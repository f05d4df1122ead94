/* oxlint-disable no-restricted-globals -- the platform's own dates are what the kernel's are measured by */
import fc from "fast-check";
import { expect, test } from "vitest";
import { retryAfterMs } from "./retry-after.ts";

const NOW = Date.parse("2026-11-22T10:00:00Z");

test("milliseconds go before seconds, whatever the case of the header", () => {
  expect(retryAfterMs({ "Retry-After": "2", "Retry-After-Ms": "150.4" })).toBe(150);
  expect(retryAfterMs({ "retry-after": "1.5" })).toBe(1500);
});

test("a date is measured against the given time, and one that has passed means now", () => {
  expect(retryAfterMs({ "retry-after": "Sun, 22 Nov 2026 10:01:00 GMT" }, NOW)).toBe(60_000);
  expect(retryAfterMs({ "retry-after": "Sun, 22 Nov 2026 09:00:00 GMT" }, NOW)).toBe(0);
});

test("any HTTP date is read as the platform reads it", () => {
  const moments = fc.integer({ min: 0, max: Date.parse("2199-12-31T23:59:59Z") / 1000 });
  fc.assert(
    fc.property(moments, (seconds) => {
      const date = new Date(seconds * 1000);
      expect(retryAfterMs({ "retry-after": date.toUTCString() }, 0)).toBe(date.getTime());
    }),
  );
});

test("what cannot be used is left out", () => {
  expect(retryAfterMs({})).toBeUndefined();
  expect(retryAfterMs({ "retry-after": "soon" }, NOW)).toBeUndefined();
  expect(retryAfterMs({ "retry-after": "-5" }, NOW)).toBeUndefined();
  expect(retryAfterMs({ "retry-after": "Sun, 22 Nov 2026 10:01:00 GMT" })).toBeUndefined();
});
