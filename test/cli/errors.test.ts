import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, open, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createCliFolder, type CliFolder } from "./cli-folder.ts";
import { agentFile } from "./cli-process.ts";

let folder: CliFolder;

beforeEach(async () => {
  folder = await createCliFolder();
  await mkdir(join(folder.path, "agents"));
});

afterEach(() => folder[Symbol.asyncDispose]());

/** Exit code, then what standard error said. */
async function failure(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<readonly [number | null, string]> {
  const { code, stdout, stderr } = await folder.run(words, { env });
  expect(stdout).toBe("");
  return [code, folder.plain(stderr)];
}

function agent(name: string, frontmatter: string): Promise<void> {
  return writeFile(join(folder.path, "agents", `${name}.md`), `---\n${frontmatter}\n---\nBe brief.\n`);
}

describe("what is wrong with the command line", () => {
  it("names the nearest command", async () => {
    expect(await failure(["resme"])).toEqual([
      2,
      "executus: unknown command 'resme' (Did you mean resume?)\n  Help: executus --help\n",
    ]);
  });

  it("names the nearest option", async () => {
    expect(await failure(["run", "reviewer", "--output-fromat", "json"])).toEqual([
      2,
      "executus: unknown option '--output-fromat' (Did you mean --output-format?)\n  Help: executus run --help\n",
    ]);
  });

  it("refuses an input that says nothing", async () => {
    expect(await failure(["run", agentFile("quick"), "  "])).toEqual([
      2,
      "executus: there is no input\n  Say what to do, or pipe it in.\n",
    ]);
    expect(await readdir(folder.path)).toEqual(["agents"]);
  });

  it("says what a value must look like", async () => {
    expect(await failure(["run", "reviewer", "--max-time", "10"])).toEqual([
      2,
      "executus: option '--max-time <time>' argument '10' is invalid. Write a time with its unit: 90s, 10m, 1h30m, 7d.\n  Help: executus run --help\n",
    ]);
    expect(await failure(["run", "reviewer", "--max-time", "0s"])).toEqual([
      2,
      "executus: option '--max-time <time>' argument '0s' is invalid. Write a time above 0: 90s, 10m.\n  Help: executus run --help\n",
    ]);
    expect(await failure(["ls", "--status", "complete"])).toEqual([
      2,
      "executus: complete is not a status of a run\n  Did you mean completed?\n",
    ]);
  });

  it("is a usage error without a command, and help on request is not", async () => {
    expect((await folder.run([])).code).toBe(2);
    expect((await folder.run(["help", "run"])).code).toBe(0);
    expect((await folder.run(["run", "--help"])).code).toBe(0);
  });
});

describe("what is wrong with an agent", () => {
  it("unknown by name: the nearest there is", async () => {
    await agent("reviewer", "model: fast");
    expect(await failure(["run", "reviwer", "hello"])).toEqual([
      2,
      "executus: There is no agent named reviwer in ./agents, ./.executus/agents, ./.claude/agents, ./.opencode/agent, ./.opencode/agents, ./.agents, ./.agents/agents\n  Did you mean reviewer?\n",
    ]);
  });

  it("unknown by path: the nearest beside it", async () => {
    await agent("reviewer", "model: fast");
    expect(await failure(["run", "agents/revewer.md"])).toEqual([
      2,
      "executus: There is no agent FOLDER/agents/revewer.md.\n  Did you mean FOLDER/agents/reviewer.md?\n",
    ]);
  });

  it("names a tool that is not there", async () => {
    await agent("reviewer", "tools: read_fil, search_files");
    expect(await failure(["run", "reviewer", "hello"])).toEqual([
      2,
      "executus: FOLDER/agents/reviewer.md names the tool read_fil, which is not there\n  Did you mean read_file? Tools there are: list_files, read_file, search_files, write_file, append_file, run_status.\n",
    ]);
  });

  it("has a frontmatter key that is none: file, line and the nearest", async () => {
    await agent("reviewer", "model: fast\nmaxTurn: 3");
    expect(await failure(["run", "reviewer", "hello"])).toEqual([
      2,
      "executus: FOLDER/agents/reviewer.md:3: `maxTurn` is not a known field.\n  Did you mean `maxTurns`?\n",
    ]);
  });

  it("leaves nothing behind: no store is made for a run that cannot start", async () => {
    await agent("reviewer", "model: fast");
    const env = { EXECUTUS_BASE_URL: "http://127.0.0.1:9/v1", EXECUTUS_MODEL: "llama" };
    const refusals = [
      await failure(["run", "nobody"]),
      await failure(["run", "reviewer", "hello"]),
      await failure(["run", "reviewer", "hello", "--max-cost-usd", "0.5"], env),
      await failure(["run", "reviewer", "hello", "--id", "no id"], env),
      await failure(["run", "reviewer", ""], env),
    ];
    expect(refusals.map(([code]) => code)).toEqual([2, 6, 2, 2, 2]);
    expect(await readdir(folder.path)).toEqual(["agents"]);
    expect((await failure(["ls"]))[1]).toContain("There is no store at .executus/executus.db");
  });
});

describe("what is wrong with the models", () => {
  beforeEach(() => agent("reviewer", "model: fast"));

  it("nothing is configured: how to give a key or a local server", async () => {
    expect(await failure(["run", "reviewer", "hello"])).toEqual([
      6,
      `executus: there is no model for the tier "fast": no key and no model server is configured
  Give a key: export ANTHROPIC_API_KEY=... (or OPENAI_API_KEY, GOOGLE_GENERATIVE_AI_API_KEY),
  or a local server: export OLLAMA_BASE_URL=http://127.0.0.1:11434/v1 EXECUTUS_MODEL=qwen3
`,
    ]);
  });

  it("the key of a named model is missing", async () => {
    expect(await failure(["run", "reviewer", "hello", "--model", "openai/gpt-6-luna"])).toEqual([
      6,
      'executus: models of "openai" need OPENAI_API_KEY, which is not set\n  export OPENAI_API_KEY=...\n',
    ]);
  });

  it("a cost limit cannot be held without a price", async () => {
    const env = { EXECUTUS_BASE_URL: "http://127.0.0.1:9/v1", EXECUTUS_MODEL: "llama" };
    expect(await failure(["run", "reviewer", "hello", "--max-cost-usd", "0.5"], env)).toEqual([
      2,
      "executus: this run has a cost limit of $0.5, but there is no known price for local/llama\n  Give its price in models.json (models.<id>.price), choose a priced model, or limit tokens instead of cost.\n",
    ]);
  });

  it("is an object with is_error for whoever asked for JSON", async () => {
    const { code, stdout, stderr } = await folder.run(["run", "reviewer", "hello", "--output-format", "json"]);
    expect(JSON.parse(stdout)).toMatchObject({
      type: "result",
      subtype: "error_not_started",
      is_error: true,
      run_id: null,
      stop_reason: "provider_key_missing",
    });
    expect(stderr).toContain("there is no model");
    expect(code).toBe(6);
  });
});

describe("what is wrong with the store", () => {
  const db = ".executus/executus.db";

  it("damaged: every command names the file and the command that looks at it", async () => {
    await folder.run(["run", agentFile("quick"), "-q"]);
    await using file = await open(join(folder.path, db), "r+");
    await file.write(Buffer.alloc(60, 0xff), 0, 60, 4096);
    await file.write(Buffer.alloc(60, 0xff), 0, 60, 8192);
    const [code, text] = await failure(["ls", "--all"]);
    expect(code).toBe(7);
    expect(text).toMatch(
      /^executus: The store FOLDER\/\.executus\/executus\.db is damaged: .*\n.*`executus store check --db FOLDER\/\.executus\/executus\.db`/,
    );
  });

  it("one damaged journal is that run's trouble, named by run and event; others are listed and shown", async () => {
    await folder.run(["run", agentFile("quick"), "-q", "--id", "sound"]);
    await folder.run(["run", agentFile("quick"), "a marked request", "-q", "--id", "hurt"]);
    await overwrite(join(folder.path, db), "a marked request", "a nabbed request");
    const [code, text] = await failure(["show", "hurt"]);
    expect([code, text]).toEqual([
      7,
      expect.stringMatching(
        /^executus: The journal of run hurt in FOLDER\/\.executus\/executus\.db is damaged at seq 0: .*\n.*`executus store check --db /,
      ),
    ]);
    expect((await folder.run(["show", "sound"])).code).toBe(0);
    const check = await folder.run(["store", "check"]);
    expect(check.stdout).toMatch(/^hurt at 0: /);
    expect(check.code).toBe(7);
  });

  it.runIf(existsSync("/dev/null"))("is a pipe or a device: nothing waits for it, or takes it for an empty store", async () => {
    const pipe = join(folder.path, "pipe.db");
    execFileSync("mkfifo", [pipe]);
    const hint = "Name the file, for example with /executus.db at the end.";
    for (const words of [
      ["store", "check", "--db", pipe],
      ["doctor", "--store", pipe],
      ["run", agentFile("quick"), "--db", pipe],
    ])
      expect(await failure(words)).toEqual([7, `executus: FOLDER/pipe.db is a pipe or a device, not a store\n  ${hint}\n`]);
    expect(await failure(["show", "r", "--db", "/dev/null"])).toEqual([
      7,
      `executus: /dev/null is a pipe or a device, not a store\n  ${hint}\n`,
    ]);
  });

  it("is another program's file", async () => {
    await writeFile(
      join(folder.path, "notes.txt"),
      "These are notes and no database at all, but long enough to be one.\n".repeat(20),
    );
    expect(await failure(["ls", "--db", "notes.txt"])).toEqual([
      7,
      "executus: FOLDER/notes.txt is not an executus store: it is not a SQLite database\n  Name another file with --db, or move this one away.\n",
    ]);
  });

  it("is not there: a misspelt --db makes no empty store", async () => {
    const expected = [7, "executus: There is no store at misspelt.db\n  Check the name given with --db.\n"];
    for (const words of [["ls"], ["resume", "--all"], ["steer", "x", "y"], ["cancel", "x"], ["store", "check"]]) {
      expect(await failure([...words, "--db", "misspelt.db"])).toEqual(expected);
    }
  });

  it("has no such run: the nearest, or how to list them", async () => {
    await folder.run(["run", agentFile("quick"), "-q", "--id", "nightly-1"]);
    expect(await failure(["show", "nihgtly-1"])).toEqual([
      2,
      "executus: there is no run nihgtly-1 in this store\n  Did you mean nightly-1?\n",
    ]);
    expect(await failure(["tail", "something-else"])).toEqual([
      2,
      "executus: there is no run something-else in this store\n  List the runs: executus ls --all\n",
    ]);
  });

  it("has several runs that begin like that", async () => {
    await folder.run(["run", agentFile("quick"), "-q", "--id", "nightly-1"]);
    await folder.run(["run", agentFile("quick"), "-q", "--id", "nightly-2"]);
    const [code, text] = await failure(["show", "night"]);
    expect(text).toMatch(
      /^executus: several runs begin with night\n {2}Give one of them:\n {2}nightly-2 {2}quick {2}completed .*\n {2}nightly-1 /,
    );
    expect(code).toBe(2);
  });
});

/** Changes bytes of a file in place, wherever they are. */
async function overwrite(file: string, from: string, to: string): Promise<void> {
  await using handle = await open(file, "r+");
  const bytes = await handle.readFile();
  let changed = 0;
  for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, at + 1)) {
    await handle.write(to, at);
    changed++;
  }
  expect(changed).toBeGreaterThan(0);
}
