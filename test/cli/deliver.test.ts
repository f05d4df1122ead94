/** Outcomes that a person sends from the command line: where, when, and what is kept when they do not arrive. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { localServer } from "../delivery/local-server.ts";
import { type CliFolder, createCliFolder } from "./cli-folder.ts";

let folder: CliFolder;
beforeEach(async () => {
  folder = await createCliFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

const AGENT = join(import.meta.dirname, "agents/reviewer.ts");

const read = (name: string): { readonly data: { readonly output: string } } =>
  JSON.parse(readFileSync(join(folder.path, name), "utf8")) as { data: { output: string } };

it("S32 S41 run --deliver sends the outcome where the person says, and says that it arrived", async () => {
  const comments: string[] = [];
  await using forge = await localServer(({ json }) => (comments.push(String(json["body"])), { status: 201, body: { id: 7 } }));
  const words = ["run", AGENT, "Look.", "--id", "r1", "--deliver", "github:octo/tea#12", "--deliver", "file:out/today.json"];
  const done = await folder.run(words, { env: { GITHUB_API_URL: forge.url, EXECUTUS_DELIVERY_GITHUB: "ghp_1234567890" } });
  expect([done.code, done.stdout]).toEqual([0, "Two things to mend.\n"]);
  expect(done.stderr).toContain("r1.d0 to github octo/tea#12: delivered");
  expect(done.stderr).toContain("r1.d1 to file out/today.json: delivered");
  expect(comments).toEqual([expect.stringContaining("Two things to mend.")]);
  expect(read("out/today.json").data.output).toBe("Two things to mend.");
  // The same command again shows the run, and sends nothing a second time.
  const again = await folder.run(words, { env: { GITHUB_API_URL: forge.url, EXECUTUS_DELIVERY_GITHUB: "ghp_1234567890" } });
  expect([again.code, comments.length]).toEqual([0, 1]);
});

it("S32 what did not arrive is kept, and deliver sends it later", async () => {
  let status = 503;
  await using forge = await localServer(() => ({ status, body: { id: 7 } }));
  const options = { env: { GITHUB_API_URL: forge.url, EXECUTUS_DELIVERY_GITHUB: "ghp_1234567890" } };
  const done = await folder.run(["run", AGENT, "Look.", "--id", "r1", "--deliver", "github:octo/tea#12"], options);
  expect(done.code).toBe(0);
  expect(done.stderr).toMatch(/r1\.d0 to github octo\/tea#12: pending, .*503/);
  expect(done.stderr).toContain("deliver");
  expect((await folder.run(["deliver"], options)).stderr).toMatch(/Nothing is due|0 of 1 arrived/);
  status = 201;
  expect((await folder.run(["redeliver", "r1.d0"], options)).stderr).toContain("deliver");
  const sent = await folder.run(["deliver"], options);
  expect([sent.code, sent.stderr]).toEqual([0, expect.stringContaining("1 of 1 arrived")]);
  expect((await folder.run(["deliveries"], options)).stderr).toContain("No deliveries.");
});

it("S41 the targets of an agent's file are used only when the person says so", async () => {
  const quiet = await folder.run(["run", AGENT, "Look."]);
  expect([quiet.code, quiet.stderr]).toEqual([0, expect.stringContaining("--deliver agent")]);
  expect(() => read("own.json")).toThrow("ENOENT");
  const told = await folder.run(["run", AGENT, "Look again.", "--deliver", "agent"]);
  expect([told.code, told.stderr]).toEqual([0, expect.stringContaining("to file own.json: delivered")]);
  expect(read("own.json").data.output).toBe("Two things to mend.");
});

it("S41 a target that cannot be meant is refused before anything runs", async () => {
  const misspelt = await folder.run(["run", AGENT, "Look.", "--deliver", "githb:octo/tea#12"]);
  expect([misspelt.code, misspelt.stderr]).toEqual([2, expect.stringContaining("Did you mean github?")]);
  const keyless = await folder.run(["run", AGENT, "Look.", "--deliver", "github:octo/tea#12"]);
  expect(keyless.code).toBe(2);
  expect(keyless.stderr).toContain("there is no credential github for github deliveries");
  expect(keyless.stderr).toContain("Set EXECUTUS_DELIVERY_GITHUB.");
  expect(existsSync(join(folder.path, ".executus"))).toBe(false);
  const outside = await folder.run(["run", AGENT, "Look.", "--deliver", "file:../out.json"]);
  expect([outside.code, outside.stderr]).toEqual([2, expect.stringContaining("is not a file below")]);
});

it("S41 S10 a target with a secret in it is refused before there is a store, and after", async () => {
  const env = { EXECUTUS_SECRETS: "DB_PASSWORD", DB_PASSWORD: "hunter2-hunter2" };
  const words = ["run", AGENT, "Look.", "--deliver", "file:hunter2-hunter2.json"];
  const first = await folder.run(words, { env });
  expect([first.code, first.stderr]).toEqual([
    2,
    expect.stringContaining('"[redacted DB_PASSWORD].json"} holds a registered secret'),
  ]);
  expect(existsSync(join(folder.path, ".executus"))).toBe(false);
  expect((await folder.run(["run", AGENT, "Look."], { env })).code).toBe(0);
  const second = await folder.run([...words, "--new"], { env });
  expect([second.code, second.stderr]).toEqual([2, expect.stringContaining("holds a registered secret")]);
  expect(first.stderr + second.stderr).not.toContain("hunter2");
  expect(existsSync(join(folder.path, "[redacted DB_PASSWORD].json"))).toBe(false);
});
