/** The page of promises says nothing about tests, commands and files that are not there. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { CASES } from "./providers/table/cases.ts";

const root = resolve(import.meta.dirname, "..");
const page = join(root, "docs/promises.md");
const text = readFileSync(page, "utf8");
const links = [...text.matchAll(/\[([^\]]+)\]\((\.\.?\/[^)#]+)\)/g)].map(([, title = "", target = ""]) => ({
  title: title.replaceAll(/\s+/g, " "),
  file: resolve(dirname(page), target),
}));
const tests = links.filter(({ file }) => /\.test\.ts$|conformance-\w+\.ts$/.test(file));

describe("docs/promises.md", () => {
  it("has every promise once", () => {
    expect([...text.matchAll(/^### P(\d+) /gm)].map(([, number]) => Number(number))).toEqual(
      Array.from({ length: 12 }, (_, i) => i + 1),
    );
  });

  it("links to what is there", () => {
    expect(links.map(({ file }) => file).filter((file) => !existsSync(file))).toEqual([]);
    expect(tests.length).toBeGreaterThan(60);
  });

  it("names tests in words that they have", () => {
    const unnamed = tests.filter(({ title, file }) => !readFileSync(file, "utf8").replaceAll(/\s+/g, " ").includes(title));
    expect(unnamed).toEqual([]);
  });

  it("names commands that there are", () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> };
    const named = [...text.matchAll(/npm (?:run )?([\w:-]+)/g)].map(([, name = ""]) => name).filter((name) => name !== "test");
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
    const files = [...text.matchAll(/(?:^|[ `])((?:scripts|src|test)\/[\w./-]+)/gm)].map(([, file = ""]) => file);
    expect(files.length).toBeGreaterThan(5);
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });

  it("has the figures that follow from the sources", () => {
    expect(text).toContain(`${CASES.length} faults of providers`);
  });

  it("cites every peer's bug in a test of that name, where the test was written for it", () => {
    const rows = text.split("\n").filter((line) => line.startsWith("|") && line.includes("peers-bugs/"));
    expect(rows.length).toBeGreaterThan(20);
    const issues = rows.flatMap((row) => (row.split("|")[2] ?? "").match(/#\d+/g) ?? []);
    const titles = ["effects", "restarts", "waiting", "writers"].map((name) =>
      readFileSync(join(root, `test/peers-bugs/${name}.test.ts`), "utf8"),
    );
    expect(issues.filter((issue) => !titles.some((source) => new RegExp(`${issue}\\b`).test(source)))).toEqual([]);
  });
});
