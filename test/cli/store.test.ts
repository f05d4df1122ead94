import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createCliFolder, type CliFolder } from "./cli-folder.ts";
import { agentFile } from "./cli-process.ts";

let folder: CliFolder;

beforeEach(async () => {
  folder = await createCliFolder();
  await folder.run(["run", agentFile("quick"), "tea", "-q", "--id", "one"]);
  await folder.run(["run", agentFile("quick"), "milk", "-q", "--id", "two"]);
});

afterEach(() => folder[Symbol.asyncDispose]());

async function said(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await folder.run(words);
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  return folder.plain(stdout + stderr);
}

describe("store", () => {
  it("check says that all is sound", async () => {
    expect(await said("store", "check")).toBe(".executus/executus.db is sound: 2 runs, 22 events, 0 blobs\n");
  });

  it("backup is a store of its own, and never overwrites", async () => {
    expect(await said("store", "backup", "backup/a.db")).toBe("backup/a.db: 2 runs, 22 events; read back and sound\n");
    expect(await said("show", "one", "--db", "backup/a.db")).toContain("You asked for tea.");
    const again = await folder.run(["store", "backup", "backup/a.db"]);
    expect(again.stderr).toContain("is there already: a backup never overwrites a file");
    expect(again.code).toBe(2);
  });

  it("import refuses what is no export before there is a store", async () => {
    await writeFile(join(folder.path, "empty.jsonl"), "");
    for (const wrong of [agentFile("quick"), "empty.jsonl", "."]) {
      const { code, stderr } = await folder.run(["store", "import", wrong, "--db", "new.db"]);
      expect(stderr).toBe(`executus: ${wrong} is not an export of runs\n  Give what \`executus store export\` has written.\n`);
      expect(code).toBe(2);
    }
    expect(await readdir(folder.path)).not.toContain("new.db");
  });

  it("import ends with 7 for an export that is damaged", async () => {
    await said("store", "export", "-o", "runs.jsonl");
    const lines = (await readFile(join(folder.path, "runs.jsonl"), "utf8")).split("\n");
    await writeFile(join(folder.path, "runs.jsonl"), lines.slice(0, 5).join("\n"));
    expect((await folder.run(["store", "import", "runs.jsonl", "--db", "new.db"])).code).toBe(7);
  });

  it("export and import carry whole runs, once", async () => {
    expect(await said("store", "export", "tw", "-o", "runs.jsonl")).toBe("runs.jsonl: 1 run\n");
    expect(await said("store", "import", "runs.jsonl", "--db", "other.db")).toBe("other.db: 1 run imported, 0 there already\n");
    expect(await said("store", "import", "runs.jsonl", "--db", "other.db")).toBe("other.db: 0 runs imported, 1 there already\n");
    expect(await said("show", "two", "--db", "other.db")).toContain("You asked for milk.");
    expect((await said("store", "export")).split("\n").length).toBeGreaterThan(22);
  });

  it("prune says what would go, and removes it with --yes", async () => {
    const dry = await said("store", "prune", "--older-than", "1ms");
    expect(dry).toBe(".executus/executus.db: 2 runs ended more than 1ms ago; nothing was removed (--yes removes them)\n");
    expect(await said("store", "prune", "--older-than", "1d", "--yes")).toBe(
      ".executus/executus.db: 0 runs and 0 blobs removed\n",
    );
    expect(await said("store", "prune", "--older-than", "1ms", "--yes")).toBe(
      ".executus/executus.db: 2 runs and 0 blobs removed\n",
    );
    expect(await said("ls", "--all")).toBe("No runs.\n");
  });
});

describe("ls", () => {
  it("hides what has ended and says how to see it", async () => {
    expect(await said("ls")).toBe("No runs.\n2 have ended: executus ls --all\n");
    const listed = await said("ls", "--all");
    expect(listed).toMatch(
      /^RUN +AGENT +STATUS +STEP +TOKENS +COST +STARTED +LAST EVENT\ntwo +quick +completed +2 +30 +\$0\.00004 .*\none /,
    );
  });

  it("narrows by status, agent, time and number", async () => {
    expect(await said("ls", "--status", "failed,timed-out")).toBe("No runs.\n");
    expect(await said("ls", "--all", "--agent", "other")).toBe("No runs.\n");
    expect(await said("ls", "--all", "--since", "1h", "--limit", "1")).toMatch(/\ntwo .*\nThere are more: --limit 2\n$/);
    expect(JSON.parse(await said("ls", "--all", "--json"))).toMatchObject([{ run: "two" }, { run: "one" }]);
  });
});

describe("show and tail", () => {
  it("give the journal itself to programs", async () => {
    const shown = JSON.parse(await said("show", "one", "--json", "--events")) as {
      seq: number;
      events: readonly { seq: number }[];
    };
    expect(shown).toMatchObject({ run: "one", status: "completed", output: "You asked for tea.", attempts: [{ number: 1 }] });
    expect(shown.events.map(({ seq }) => seq)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const followed = (await said("tail", "one", "--from", "8", "--json")).trim().split("\n");
    expect(followed.map((line) => (JSON.parse(line) as { seq: number }).seq)).toEqual([8, 9, 10]);
  });

  it("say every event in a line for people", async () => {
    expect(await said("show", "one", "--events")).toMatch(/^ +0 \d{4}-\d\d-\d\d .* run\.started /);
    expect(await said("tail", "one")).toMatch(/1 ✓ record one .*\n.*1 ✓ record two .*\n✓ completed/);
  });
});

describe("doctor", () => {
  it("checks machine, store and models, and leaves nothing behind", async () => {
    const { code, stdout } = await folder.run(["doctor"], {
      env: { OPENAI_API_KEY: "sk-not-to-be-shown", EXECUTUS_TIER_ODD: "openai/unheard-of" },
    });
    expect(stdout).toMatch(/✓ node +Node 24\.\S+, SQLite 3\./);
    expect(stdout).toMatch(/✓ disk .* write and flush of 4 KB: [\d.]+ ms/);
    expect(stdout).toMatch(/✓ keys +OPENAI_API_KEY\n/);
    expect(stdout).toMatch(/✓ tier +fast: openai\/\S+, \$[\d.]+ in and \$[\d.]+ out per million tokens \(2026-/);
    expect(stdout).toMatch(/! tier +odd: openai\/unheard-of\n +No price is known/);
    expect(stdout).not.toContain("not-to-be-shown");
    expect(code).toBe(0);
    expect((await readdir(join(folder.path, ".executus"))).filter((name) => !name.startsWith("executus.db"))).toEqual([]);
  });

  it("ends with 7 for a store that is none", async () => {
    const { code, stdout } = await folder.run(["doctor", "--json", "--db", agentFile("quick")]);
    const { findings } = JSON.parse(stdout) as {
      readonly findings: readonly { readonly level: string; readonly what: string }[];
    };
    expect(findings).toContainEqual(expect.objectContaining({ level: "bad", what: "store" }));
    expect(code).toBe(7);
  });
});

describe("help", () => {
  it("shows examples first, commands, and exit codes", async () => {
    await expect(await said("--help")).toMatchFileSnapshot("help.txt");
  });

  it("of run explains input, options and continuing", async () => {
    await expect(await said("run", "--help")).toMatchFileSnapshot("help-run.txt");
  });

  it("version is that of the package", async () => {
    const { version } = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8")) as {
      readonly version: string;
    };
    expect(await said("--version")).toBe(`${version}\n`);
  });
});
