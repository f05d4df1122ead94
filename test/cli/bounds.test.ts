import { readFile, writeFile } from "node:fs/promises";
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

describe("a run that was killed", () => {
  /** Two model calls done, the process killed in the tool call after them, and the tool let through for whoever resumes it. */
  async function killed(...bounds: readonly string[]): Promise<void> {
    const first = folder.start(["run", agentFile("gated"), "tea", "-q", "--id", "one", ...bounds]);
    const calls = (): Promise<string> => readFile(join(folder.path, "calls.log"), "utf8").catch(() => "");
    await expect.poll(calls, { timeout: 10_000 }).toContain("gate");
    first.child.kill("SIGKILL");
    await first.ended;
    await writeFile(join(folder.path, "gate"), "");
  }

  async function deciders(): Promise<readonly unknown[]> {
    const lines = (await folder.run(["tail", "one", "--json"])).stdout.trim().split("\n");
    const events = lines.map((line) => JSON.parse(line) as { readonly type: string; readonly by?: string });
    return events.filter(({ type }) => type === "supervisor.decided").map(({ by }) => by);
  }

  it("S06 keeps the budget it was started with, and says so", async () => {
    await killed("--budget", "calls=3");
    const resumed = await folder.run(["resume", "one"]);
    expect([resumed.code, resumed.stderr]).toEqual([3, expect.stringContaining("it goes on with --budget calls=3/run@tree")]);
    expect(await standings()).toEqual([["tree", "run", { calls: 3 }, 3]]);
  });

  it("S06 keeps it where the same command goes on with it without that option", async () => {
    await killed("--budget", "calls=3");
    const again = folder.start(["run", agentFile("gated"), "tea", "--id", "one"]);
    await again.sees(/it goes on with --budget calls=3\/run@tree/);
    expect((await again.ended).code).toBe(3);
  });

  it("S06 keeps it where everything is resumed", async () => {
    await killed("--budget", "calls=3");
    expect((await folder.run(["resume", "--all", "-q"])).stdout).toMatch(/^one +gated +over budget/m);
  });

  it("S06 has the budget that resume is given instead, with the other units of its own", async () => {
    await killed("--budget", "calls=3", "--budget", "tokens=9000", "--budget", "usd=0.0000001/day@caller:a b");
    const resumed = await folder.run(["resume", "one", "--budget", "calls=30"]);
    const goesOn = "it goes on with --budget calls=30/run@tree --budget tokens=9000/run@tree";
    expect([resumed.code, resumed.stderr]).toEqual([0, expect.stringContaining(goesOn)]);
    expect(resumed.stderr).toContain("'usd=0.0000001/day@caller:a b'");
  });

  it("S19 keeps the supervisor it was started with", async () => {
    await killed("--supervisor", "rules", "--max-steps", "4");
    const resumed = await folder.run(["resume", "one"]);
    expect([resumed.code, resumed.stderr]).toEqual([0, expect.stringContaining("it goes on with --supervisor rules")]);
    expect(await deciders()).toEqual(["rules"]);
  });

  it("S19 has no supervisor where resume is told so", async () => {
    await killed("--supervisor", "rules", "--max-steps", "4");
    await folder.run(["resume", "one", "--supervisor", "none", "-q"]);
    expect(await deciders()).toEqual(["nobody"]);
  });

  it("S06 hands its budget to a fork of it, which has one of its own", async () => {
    await killed("--budget", "calls=3");
    const fork = await folder.run(["fork", "one", "--at", "3", "--id", "two"]);
    expect([fork.code, fork.stderr]).toEqual([4, expect.stringContaining("it goes on with --budget calls=3/run@tree")]);
    const used = await standings();
    expect(used).toEqual([
      ["tree", "run", { calls: 3 }, 2],
      ["tree", "run", { calls: 3 }, 1],
    ]);
  });

  it("S06 does not go on with bounds that cannot be read", async () => {
    await killed("--label", 'executus.budget=["bananas=3"]');
    const resumed = await folder.run(["resume", "one", "-q"]);
    expect([resumed.code, resumed.stderr]).toEqual([2, expect.stringContaining('its label executus.budget says ["bananas=3"]')]);
  });
});
