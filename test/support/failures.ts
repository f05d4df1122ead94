/** What a suite of the kit says of an implementation. */
import { expect } from "vitest";
import type { TestApi } from "../../src/testing/index.ts";

export type Register = (api: TestApi) => void;

/** Titles of the tests that fail. */
export async function failures(register: Register): Promise<readonly string[]> {
  const tests: { readonly title: string; readonly body: () => Promise<void> }[] = [];
  register({ describe: (_title, body) => body(), it: (title, body) => tests.push({ title, body }) });
  expect(tests.length).toBeGreaterThan(1);
  const failed: string[] = [];
  for (const { title, body } of tests) await body().catch(() => failed.push(title));
  return failed;
}

/** Tests that fail, each by the part of its title that is given for it, else by its whole title. */
export async function failuresAs(register: Register, parts: readonly string[]): Promise<readonly string[]> {
  const failed = await failures(register);
  return failed.map((title) => parts.find((part) => title.includes(part)) ?? title).toSorted();
}
