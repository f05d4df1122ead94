/** The list of planted faults (`npm run mutants`) must not rot: each still applies to the sources as they are. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { problemOf } from "../scripts/mutants/fault.ts";
import { FAULTS } from "../scripts/mutants/list.ts";

const root = join(import.meta.dirname, "..");

it("every planted fault can be planted: change its text in scripts/mutants with the source that it is about", () => {
  expect(FAULTS.flatMap((fault) => problemOf(root, fault)?.replace(/^/, `${fault.name}: `) ?? [])).toEqual([]);
});

it("every planted fault has a name of its own, says what it breaks, and names tests that are there", () => {
  expect(new Set(FAULTS.map(({ name }) => name)).size).toBe(FAULTS.length);
  for (const { name, breaks, tests } of FAULTS) {
    expect(name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    expect(breaks, name).not.toBe("");
    expect(tests, name).not.toEqual([]);
    expect(
      tests.filter((file) => !existsSync(join(root, file))),
      name,
    ).toEqual([]);
  }
});
