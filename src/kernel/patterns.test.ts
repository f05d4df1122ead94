import { expect, it } from "vitest";
import { matchesPattern } from "./patterns.ts";

it.each([
  ["a", "a", true],
  ["a", "ab", false],
  ["*", "", true],
  ["*", "anything", true],
  ["poll_*", "poll_build", true],
  ["poll_*", "repoll_build", false],
  ["*_status", "job_status", true],
  ["a*b*c", "a-b-b-c", true],
  ["a*b*c", "a-c-b", false],
  ["ab*ba", "aba", false],
  ["a.c", "abc", false],
])("%s and %s: %s", (pattern, name, expected) => {
  expect(matchesPattern(pattern, name)).toBe(expected);
});
