import { execFile, execFileSync } from "node:child_process";
import { existsSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** Modules are loaded by a plain Node process, as a host does it: a test runner would load them its own way. */
const PROGRAM = fileURLToPath(new URL("../../../test/support/loading-process.ts", import.meta.url));

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "executus-modules-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

interface Loaded {
  readonly agent?: { readonly name: string; readonly source: string };
  readonly tools?: readonly string[];
  readonly models?: boolean;
  readonly input?: string;
  readonly warnings?: readonly string[];
  readonly error?: string;
}

async function load(name: string, text?: string): Promise<Loaded> {
  if (text !== undefined) await writeFile(join(folder, name), text);
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, join(folder, name)]);
  return JSON.parse(stdout.replaceAll(`${folder}/`, "")) as Loaded;
}

const AGENT = '{ name: "clerk", instructions: "Keep the notes tidy." }';

describe("loadAgent", () => {
  it("loads a TypeScript module with its agent, tools, models and input", async () => {
    const text = `
      const tool: { name: string } & object = { name: "look", validate: () => ({ ok: true }) };
      export const agent = ${AGENT};
      export const tools = [tool];
      export const models = async () => ({ resolve: async () => [] });
      export const input: string = "Take stock.";
    `;
    expect(await load("clerk.ts", text)).toEqual({
      agent: { name: "clerk", instructions: "Keep the notes tidy.", source: "clerk.ts" },
      tools: ["look"],
      models: true,
      input: "Take stock.",
      warnings: [],
    });
  });

  it("takes a default export, no models from a function that gives none, and Markdown", async () => {
    expect(await load("plain.mjs", `export default ${AGENT}; export const models = () => undefined;`)).toMatchObject({
      agent: { name: "clerk" },
      tools: [],
      models: false,
    });
    expect(await load("notes.md", "---\nhooks: {}\n---\nTidy up.")).toMatchObject({
      agent: { name: "notes" },
      tools: [],
      warnings: ["notes.md:2: `hooks` is not supported and was not used"],
    });
  });

  it.each<[string, string, string]>([
    [
      "syntax.ts",
      'export const agent = {\n  name: "a" "b",\n};',
      "agent_invalid: syntax.ts:2: Expected ',', got 'string literal'",
    ],
    ["syntax.mjs", 'export const agent = {\n  name: "a" "b",\n};', "agent_invalid: syntax.mjs:2: Unexpected string"],
    ["enum.ts", "export const a = 1;\nenum X { A }", "agent_invalid: enum.ts:2: TypeScript enum is not supported"],
    ["throws.ts", "export const a = 1;\n\nthrow new Error('no scales');", "agent_invalid: throws.ts:3: no scales"],
    ["needs.ts", 'import "no-such-package";', "agent_invalid: needs.ts: Cannot find package 'no-such-package'"],
    [
      "wrong-import.ts",
      '\nimport { nothing } from "node:fs";',
      "agent_invalid: wrong-import.ts:2: The requested module 'node:fs'",
    ],
    [
      "empty.ts",
      "export const helper = 1;",
      "agent_invalid: empty.ts has no agent: it exports helper. Write `export const agent",
    ],
    [
      "tools.ts",
      `export const agent = ${AGENT}; export const tools = [1];`,
      "agent_invalid: tools.ts exports `tools` that are not",
    ],
    [
      "models.ts",
      `export const agent = ${AGENT}; export const models = 1;`,
      "agent_invalid: models.ts exports `models` that are not",
    ],
    [
      "input.ts",
      `export const agent = ${AGENT}; export const input = 1;`,
      "agent_invalid: input.ts exports an `input` that is not text",
    ],
    ["invalid.ts", 'export const agent = { name: "x" };', "agent_invalid: Agent x: it has no instructions."],
    ["agent.json", "{}", "agent_invalid: agent.json is not an agent"],
  ])("says what is wrong with %s, without a stack", async (name, text, message) => {
    const { error = "" } = await load(name, text);
    expect(error).toContain(message);
    expect(error).not.toMatch(/\n|node:internal/);
  });

  it("names the nearest file when there is none, and lists a folder", async () => {
    await writeFile(join(folder, "reviewer.ts"), "");
    expect((await load("reveiwer.ts")).error).toBe("agent_unknown: There is no agent reveiwer.ts. Did you mean reviewer.ts?");
    expect((await load("")).error).toMatch(/is a folder, not an agent\. Agents there: .*reviewer\.ts/);
  });

  it.runIf(existsSync("/proc/self/pagemap"))(
    "reads regular files only, of a size that an agent may have, whatever leads to them",
    async () => {
      const put = {
        "pipe.md": (file: string) => void execFileSync("mkfifo", [file]),
        "pipe.ts": (file: string) => void execFileSync("mkfifo", [file]),
        "endless.md": (file: string) => symlinkSync("/dev/zero", file),
        "endless.mjs": (file: string) => symlinkSync("/dev/zero", file),
        "large.md": (file: string) => writeFileSync(file, "x".repeat(1_000_001)),
        "large.ts": (file: string) => (writeFileSync(file, ""), truncateSync(file, 20_000_001)),
        "growing.md": (file: string) => symlinkSync("/proc/self/pagemap", file),
      };
      const said: Record<string, string> = {};
      for (const [name, make] of Object.entries(put)) {
        make(join(folder, name));
        said[name] = (await load(name)).error ?? "";
      }
      const no = "cannot be read: it is a pipe, a device or a socket, not a regular file";
      const hint = "Give a Markdown file of at most 1 MB, or a module of at most 20 MB.";
      expect(said).toEqual({
        "pipe.md": `agent_unknown: The agent pipe.md ${no}. ${hint}`,
        "pipe.ts": `agent_unknown: The agent pipe.ts ${no}. ${hint}`,
        "endless.md": `agent_unknown: The agent endless.md ${no}. ${hint}`,
        "endless.mjs": `agent_unknown: The agent endless.mjs ${no}. ${hint}`,
        "large.md": `agent_unknown: The agent large.md cannot be read: it is larger than 1 MB. ${hint}`,
        "large.ts": `agent_unknown: The agent large.ts cannot be read: it is larger than 20 MB. ${hint}`,
        "growing.md": `agent_unknown: The agent growing.md cannot be read: it is larger than 1 MB. ${hint}`,
      });
      symlinkSync(join(folder, "real.md"), join(folder, "linked.md"));
      await writeFile(join(folder, "real.md"), "Real.");
      expect((await load("linked.md")).error).toBeUndefined();
    },
  );
});
