/** A canary goes in everywhere; nothing that is left behind may have it. */
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createCliFolder, type CliFolder } from "./cli-folder.ts";
import { agentFile } from "./cli-process.ts";

const CANARY = "canary/0123+456789";
const FORMS = [CANARY, encodeURIComponent(CANARY), Buffer.from(CANARY).toString("base64").replace(/=+$/, "")];
const env = { EXECUTUS_SECRETS: "LEAKY_CANARY", LEAKY_CANARY: CANARY };

let folder: CliFolder;

beforeEach(async () => {
  folder = await createCliFolder();
});

afterEach(() => folder[Symbol.asyncDispose]());

/** Database, log, shared memory, blobs: every file that the store is made of. */
async function storeFiles(): Promise<readonly (readonly [name: string, text: string])[]> {
  const root = join(folder.path, ".executus");
  const names = await readdir(root, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(files.map(async (file) => [file, await readFile(file, "latin1")] as const));
}

const hits = (name: string, text: string): readonly string[] => FORMS.filter((form) => text.includes(form)).map(() => name);

it.each(["text", "json", "stream-json"])("a secret leaves a run nowhere: --output-format %s", async (format) => {
  const words = ["run", agentFile("leaky"), `Use ${CANARY}`, "--label", `token=${CANARY}`, "--output-format", format];
  const { code, stdout, stderr } = await folder.run(words, { env });
  expect(stderr).toContain("completed");
  expect(code).toBe(0);
  expect(stdout).toContain("[redacted LEAKY_CANARY]");
  const files = await storeFiles();
  expect(files.some(([name]) => name.includes("executus.blobs"))).toBe(true);
  expect([...hits("stdout", stdout), ...hits("stderr", stderr), ...files.flatMap(([name, text]) => hits(name, text))]).toEqual(
    [],
  );
});

it("a secret that a person writes to a run does not wait in its inbox", async () => {
  const started = folder.start(["run", agentFile("gated"), "x"], { env });
  await started.sees(/→ gate/);
  started.child.kill("SIGKILL");
  await started.ended;
  const [run] = JSON.parse((await folder.run(["ls", "--all", "--json"])).stdout) as readonly { readonly run: string }[];
  const steered = await folder.run(["steer", run?.run ?? "", `now with ${CANARY}`], { env });
  const files = await storeFiles();
  expect(files.some(([, text]) => text.includes("now with [redacted LEAKY_CANARY]"))).toBe(true);
  expect([...hits("output", steered.stdout + steered.stderr), ...files.flatMap(([name, text]) => hits(name, text))]).toEqual([]);
});

it("the same command continues a run whose input had a secret in it", async () => {
  const first = folder.start(["run", agentFile("gated"), `x ${CANARY}`], { env });
  await first.sees(/→ gate/);
  first.child.kill("SIGKILL");
  await first.ended;
  const second = folder.start(["run", agentFile("gated"), `x ${CANARY}`], { env });
  await second.sees(/continuing run_/);
  second.child.kill("SIGKILL");
  expect((await second.ended).stderr).not.toContain(CANARY);
});
