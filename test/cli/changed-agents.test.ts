/** An agent is changed, and removed, while a run of it is interrupted. */
import { existsSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createCliFolder, type CliFolder } from "./cli-folder.ts";

const ROOT = join(import.meta.dirname, "../..");

let folder: CliFolder;

beforeEach(async () => {
  folder = await createCliFolder();
  mkdirSync(join(folder.path, "node_modules"));
  for (const name of readdirSync(join(ROOT, "node_modules"))) {
    if (!name.startsWith(".")) symlinkSync(join(ROOT, "node_modules", name), join(folder.path, "node_modules", name));
  }
  symlinkSync(ROOT, join(folder.path, "node_modules/executus"));
});

afterEach(() => folder[Symbol.asyncDispose]());

/** Hangs in its model call until there is a file named `go`. */
async function writeAgent(instructions: string, more = ""): Promise<void> {
  await writeFile(
    join(folder.path, "clerk.mjs"),
    `import { existsSync, writeFileSync } from "node:fs";
import { defineAgent, defineTool } from "executus";
const look = defineTool({ name: "look", description: "Look.", effect: "read", input: { type: "object" }, execute: () => "seen" });
export const agent = defineAgent({ name: "clerk", instructions: ${JSON.stringify(instructions)}, tools: [look], ${more} });
export const models = { resolve: async () => [{ id: "own/model", call: async ({ instructions }) => {
  writeFileSync("asked", "");
  while (!existsSync("go")) await new Promise((resolve) => setTimeout(resolve, 10));
  return { content: [{ type: "text", text: instructions }], finish: "stop", usage: {} };
} }] };
`,
  );
}

async function interrupted(): Promise<void> {
  await writeAgent("Be brief.");
  const first = folder.start(["run", "clerk.mjs", "hello", "--id", "one"]);
  while (!existsSync(join(folder.path, "asked"))) await new Promise((resolve) => setTimeout(resolve, 20));
  first.child.kill("SIGKILL");
  await first.ended;
  await writeFile(join(folder.path, "go"), "");
}

const said = async (...words: string[]): Promise<readonly [number | null, string]> => {
  const { code, stdout, stderr } = await folder.run(words);
  return [code, folder.plain(stdout + stderr)];
};

// A dozen processes, one after the other.
const TIMEOUT_MS = 120_000;

it(
  "plan says what changed, adopt lets the run go on with it, and a removed agent waits until it is back",
  async () => {
    await interrupted();
    await writeAgent("Be long.", 'onChange: "ask"');
    expect(await said("plan", "one")).toEqual([
      0,
      expect.stringMatching(
        /^one {2}clerk {2}interrupted\n {2}0 steps and 0 calls are done and stay done\n.*\(ask: a person is asked\):\n {4}instructions, line 1: "Be brief." -> "Be long."\n/,
      ),
    ]);
    expect(await said("doctor", "--store", ".executus/executus.db")).toEqual([
      0,
      expect.stringMatching(/one \(clerk\) would ask about a changed agent: instructions, line 1/),
    ]);
    const [waiting, asked] = await said("resume", "one", "-q");
    expect([waiting, asked]).toEqual([4, expect.stringContaining("executus adopt one")]);
    expect(await said("show", "one")).toEqual([0, expect.stringContaining("executus pin one")]);
    expect(await said("ls")).toEqual([0, expect.stringContaining("its agent changed")]);
    await rm(join(folder.path, "clerk.mjs"));
    const [missing, gone] = await said("doctor", "--store", ".executus/executus.db");
    expect([missing, gone]).toEqual([
      2,
      expect.stringContaining("one (clerk) could not go on: its agent FOLDER/clerk.mjs is not here"),
    ]);
    expect((await said("plan", "one"))[0]).toBe(2);
    const [parked, why] = await said("resume", "one", "-q");
    expect([parked, why]).toEqual([4, expect.stringContaining("its agent FOLDER/clerk.mjs is not here")]);
    expect((await said("adopt", "one"))[0]).toBe(2);
    await writeAgent("Be long.", 'onChange: "ask"');
    expect((await said("resume", "one", "-q"))[0]).toBe(4);
    expect(await said("adopt", "one")).toEqual([0, expect.stringContaining("one goes on with the changed definition")]);
    expect(await said("pin", "one")).toEqual([2, expect.stringContaining('one was told "adopt" about that')]);
    expect(await said("resume", "one", "-q")).toEqual([0, "Be long.\n"]);
    expect((await said("adopt", "one"))[0]).toBe(2);
    expect((await said("plan", "one"))[1]).toContain("one has already ended");
  },
  TIMEOUT_MS,
);

it("without a word about it, a run goes on with the instructions it began with", async () => {
  await interrupted();
  await writeAgent("Be long.");
  expect((await said("plan", "one"))[1]).toContain("(pin: it goes on with the one it began with)");
  expect(await said("resume", "one", "-q")).toEqual([0, "Be brief.\n"]);
});
