/** docs/seed.md is the acceptance table: every row is there, and what it links to shows it. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const page = join(import.meta.dirname, "../docs/seed.md");
const text = readFileSync(page, "utf8");

interface Row {
  readonly number: string;
  readonly links: readonly string[];
}

const rows = text
  .split("\n")
  .filter((line) => /^\| S\d\d /.test(line))
  .map((line): Row => {
    const [, number = "", ...cells] = line.split("|").map((cell) => cell.trim());
    const links = [...cells.join(" ").matchAll(/\]\(([^)#]+)[^)]*\)/g)].map((match) => resolve(dirname(page), match[1] ?? ""));
    return { number, links };
  });

/** Of 46 rows the hosts (S44, S45) are programs of their own. */
const EXPECTED = Array.from({ length: 46 }, (_, i) => `S${String(i + 1).padStart(2, "0")}`).filter(
  (number) => number !== "S44" && number !== "S45",
);

describe("the table of the seed", () => {
  it("has every row once, in order", () => {
    expect(rows.map(({ number }) => number)).toEqual(EXPECTED);
  });

  it.each(rows)("$number is shown by code, a test that carries its number, and a page of the guide", ({ number, links }) => {
    expect(links.filter((link) => !existsSync(link))).toEqual([]);
    expect(links.some((link) => link.includes("/src/") && !link.endsWith(".test.ts"))).toBe(true);
    expect(links.some((link) => link.includes("/docs/"))).toBe(true);
    const tests = links.filter((link) => link.endsWith(".test.ts"));
    expect(tests.length).toBeGreaterThan(0);
    expect(tests.filter((file) => !testsOf(file).some((title) => title.includes(number)))).toEqual([]);
  });
});

/** The numbers that titles of tests in a file begin with. */
function testsOf(file: string): readonly string[] {
  return [...readFileSync(file, "utf8").matchAll(/\b(?:it|test)(?:\.each\([\s\S]*?\))?\(\s*"((?:S\d\d )+)/g)].map(
    (match) => match[1] ?? "",
  );
}
