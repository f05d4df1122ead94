/** Fork, replay and the exported test, on the command line; the exported file is run by vitest, as it is and after changes. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createCliFolder, type CliFolder } from "./cli-folder.ts";

const ROOT = join(import.meta.dirname, "../..");
const TIMEOUT_MS = 240_000;

let folder: CliFolder;

beforeEach(async () => {
  folder = await createCliFolder();
  mkdirSync(join(folder.path, "node_modules"));
  for (const name of readdirSync(join(ROOT, "node_modules"))) {
    if (!name.startsWith(".")) symlinkSync(join(ROOT, "node_modules", name), join(folder.path, "node_modules", name));
  }
  symlinkSync(ROOT, join(folder.path, "node_modules/executus"));
  await writeFile(join(folder.path, "package.json"), JSON.stringify({ type: "module" }));
  await writeFile(
    join(folder.path, "vitest.config.mjs"),
    'export default { resolve: { conditions: ["executus-source"] }, ssr: { resolve: { conditions: ["executus-source"], externalConditions: ["executus-source"] } } };\n',
  );
});

afterEach(() => folder[Symbol.asyncDispose]());

const AGENT = `import { appendFileSync } from "node:fs";
import { defineAgent, defineTool } from "executus";
import { scriptedModel } from "executus/testing";
const input = { type: "object", properties: { eur: { type: "number" } }, required: ["eur"] };
const pay = defineTool({ name: "pay", description: "Pay.", input, execute: ({ eur }) => (appendFileSync("paid", \`\${eur}\\n\`), "paid") });
export const agent = defineAgent({ name: "clerk", instructions: "Pay the bills.", tools: [pay] });
export const models = scriptedModel([{ calls: [{ name: "pay", input: { eur: 40 } }] }, { text: "Paid." }]);
`;

async function writeAgent(change: (text: string) => string = (text) => text): Promise<void> {
  await writeFile(join(folder.path, "clerk.mjs"), change(AGENT));
}

const said = async (...words: string[]): Promise<readonly [number | null, string]> => {
  const { code, stdout, stderr } = await folder.run(words);
  return [code, folder.plain(stdout + stderr)];
};

function runVitest(): readonly [number | null, string] {
  const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
  const { status, stdout, stderr } = spawnSync(process.execPath, [vitest, "run", "--root", folder.path], {
    cwd: folder.path,
    encoding: "utf8",
  });
  return [status, stdout + stderr];
}

it(
  "forks at an event, pays nothing twice, and takes an edit from a file",
  async () => {
    await writeAgent();
    await said("run", "clerk.mjs", "go", "--id", "one", "-q");
    expect(await said("fork", "one", "--at", "2", "--id", "two")).toEqual([
      0,
      expect.stringContaining("two begins as one, event 2"),
    ]);
    expect(await readFile(join(folder.path, "paid"), "utf8")).toBe("40\n");
    await writeFile(join(folder.path, "edit.json"), JSON.stringify({ instructon: "x" }));
    expect(await said("fork", "one", "--at", "2", "--edit", "edit.json")).toEqual([
      2,
      expect.stringContaining("Did you mean `instructions`?"),
    ]);
    expect(await said("fork", "one", "--at", "99")).toEqual([2, expect.stringContaining("one cannot be forked at 99")]);
  },
  TIMEOUT_MS,
);

it(
  "replays a run, and names where a changed agent would go another way",
  async () => {
    await writeAgent();
    await said("run", "clerk.mjs", "go", "--id", "one", "-q");
    expect(await said("replay", "one")).toEqual([0, "one: 9 events, no difference\n"]);
    expect((await said("replay", "one", "--against", "clerk.mjs"))[0]).toBe(0);
    await writeAgent((text) => text.replace("Pay the bills.", "Pay no bills."));
    expect(await said("replay", "one", "--against", "clerk.mjs")).toEqual([
      1,
      expect.stringMatching(
        /^one: the first difference is at event 1\n {2}recorded {2}model\.started .*\n {2}now {7}another prompt: instructions, line 1: "Pay the bills\." -> "Pay no bills\."\n$/,
      ),
    ]);
    expect(await readFile(join(folder.path, "paid"), "utf8")).toBe("40\n");
  },
  TIMEOUT_MS,
);

it(
  "exports a test of a follow-up, with the conversation before it",
  async () => {
    await writeAgent();
    await said("run", "clerk.mjs", "The kettle.", "--id", "one", "-q");
    await said("run", "clerk.mjs", "The lamp.", "--id", "two", "-q", "-c", "one");
    expect(await said("export-test", "two", "--out", "tests")).toEqual([0, expect.stringContaining("tests/two.test.ts\n")]);
    expect(await readFile(join(folder.path, "tests/two.cassette.json"), "utf8")).toMatch(/The kettle\.[^]*The lamp\./);
    expect(runVitest()).toEqual([0, expect.stringContaining("1 passed")]);
    await writeAgent((text) => text.replace("Pay the bills.", "Pay no bills."));
    expect(runVitest()).toEqual([1, expect.stringContaining("Pay no bills.")]);
    expect(await readFile(join(folder.path, "paid"), "utf8")).toBe("40\n40\n");
  },
  TIMEOUT_MS,
);

it(
  "exports a test that passes as it is, and fails when prompt or tools change",
  async () => {
    await writeAgent();
    await said("run", "clerk.mjs", "go", "--id", "one", "-q");
    const exported = await said("export-test", "one", "--out", "tests");
    expect(exported).toEqual([0, expect.stringContaining("tests/one.cassette.json\ntests/one.test.ts\n")]);
    const [code, output] = runVitest();
    expect([code, output]).toEqual([0, expect.stringContaining("1 passed")]);
    const changes: readonly (readonly [string, string, string])[] = [
      ["Pay the bills.", "Pay no bills.", 'instructions, line 1: \\"Pay the bills.\\" -> \\"Pay no bills.\\"'],
      ['description: "Pay."', 'description: "Pay it."', "tool pay, description"],
      ['type: "number"', 'type: "string"', "tool pay: its arguments changed"],
    ];
    for (const [before, after, difference] of changes) {
      await writeAgent((text) => text.replace(before, after));
      const [failed, why] = runVitest();
      expect([failed, why.replaceAll("\\", "")]).toEqual([1, expect.stringContaining(difference.replaceAll("\\", ""))]);
    }
    expect(await readFile(join(folder.path, "paid"), "utf8")).toBe("40\n");
  },
  TIMEOUT_MS,
);
