import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseBudget } from "../../src/hosts/cli/bounds.ts";
import { createCliFolder, type CliFolder } from "./cli-folder.ts";
import { agentFile } from "./cli-process.ts";

let folder: CliFolder;
beforeEach(async () => {
  folder = await createCliFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

interface Standing {
  readonly per: string;
  readonly window: string;
  readonly limit: unknown;
  readonly used: { readonly calls: number };
}

async function standings(): Promise<readonly (readonly unknown[])[]> {
  const { stdout } = await folder.run(["budget", "ls", "--json"]);
  return (JSON.parse(stdout) as Standing[]).map(({ per, window, limit, used }) => [per, window, limit, used.calls]);
}

describe("--budget", () => {
  it("S06 says unit, amount, window and who shares it; several for the same become one", () => {
    const all = ["usd=1", "tokens=5000", "usd=20.5/day@caller", "calls=100/hour@tenant:acme*", "seconds=60/month"];
    expect(all.reduce((before, text) => [...parseBudget(text, before)], [] as ReturnType<typeof parseBudget>)).toEqual([
      { per: "tree", window: "run", limit: { usd: 1, tokens: 5_000 } },
      { per: "caller", window: "day", limit: { usd: 20.5 } },
      { per: "tenant", window: "hour", match: "acme*", limit: { calls: 100 } },
      { per: "all", window: "month", limit: { seconds: 60 } },
    ]);
    for (const wrong of ["1", "usd", "euro=1", "usd=-1", "usd=1/week", "usd=1@team"])
      expect(() => parseBudget(wrong)).toThrow("UNIT=AMOUNT");
  });

  it("S06 holds for a run, and is counted", async () => {
    const run = await folder.run([
      "run",
      agentFile("quick"),
      "tea",
      "-q",
      "--budget",
      "calls=1",
      "--budget",
      "tokens=100000/day@caller",
    ]);
    expect(run.code).toBe(3);
    expect(run.stderr).toContain("budget");
    expect(await standings()).toEqual([
      ["caller", "day", { tokens: 100_000 }, 1],
      ["tree", "run", { calls: 1 }, 1],
    ]);
    expect((await folder.run(["run", agentFile("quick"), "tea", "--budget", "euro=1"])).code).toBe(2);
  });

  it("S06 S43 stands in executus.json for every command, where a wrong line is named with the file", async () => {
    const write = (config: unknown) => writeFile(join(folder.path, "executus.json"), JSON.stringify(config));
    await write({ budgets: [{ per: "all", window: "day", limit: { calls: 3 } }] });
    expect((await folder.run(["run", agentFile("quick"), "tea", "-q", "--new"])).code).toBe(0);
    expect((await folder.run(["run", agentFile("quick"), "milk", "-q", "--new"])).code).toBe(3);
    expect(await standings()).toEqual([["all", "day", { calls: 3 }, 3]]);
    await write({ budgets: [{ per: "everybody", window: "day", limit: { calls: 3 } }] });
    const refused = await folder.run(["run", agentFile("quick"), "tea", "-q", "--new"]);
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining('executus.json: budgets[0]: `per` is "everybody"'),
    ]);
    await write({ supervisor: "somebody" });
    expect((await folder.run(["run", agentFile("quick"), "tea", "-q", "--new"])).stderr).toContain(
      'executus.json: supervisor is "somebody"',
    );
  });
});

describe("--supervisor", () => {
  it("S19 watches a run: rules, or a model of a tier", async () => {
    const watched = await folder.run(["run", agentFile("quick"), "tea", "-q", "--id", "one", "--supervisor", "rules"]);
    expect(watched.code).toBe(0);
    const first = async (id: string): Promise<{ readonly agent: { readonly supervision?: unknown } }> =>
      JSON.parse((await folder.run(["tail", id, "--json"])).stdout.split("\n")[0] ?? "") as never;
    expect((await first("one")).agent.supervision).toMatchObject({ atLimits: true });
    await folder.run(["run", agentFile("quick"), "tea", "-q", "--id", "two"]);
    expect((await first("two")).agent.supervision).toBeUndefined();
    expect((await folder.run(["run", agentFile("quick"), "tea", "--supervisor", "me"])).code).toBe(2);
  });
});
