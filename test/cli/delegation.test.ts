import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createCliFolder, type CliFolder } from "./cli-folder.ts";
import { agentFile, type CliProcess } from "./cli-process.ts";

let folder: CliFolder;

beforeEach(async () => {
  folder = await createCliFolder();
});

afterEach(() => folder[Symbol.asyncDispose]());

const calls = (): Promise<string> => readFile(join(folder.path, "calls.log"), "utf8");

/** The delegate stands at its gate. */
async function atGate(): Promise<CliProcess> {
  const process = folder.start(["run", agentFile("leading"), "go", "--id", "top"]);
  await process.sees(/→ gate/);
  await expect.poll(calls).toContain("gate");
  return process;
}

it("S14 run finds a delegate beside its agent, and a killed tree is continued with one command", async () => {
  const first = await atGate();
  first.child.kill("SIGKILL");
  await first.ended;
  await writeFile(join(folder.path, "gate"), "");
  const { code, stdout, stderr } = await folder.run(["run", agentFile("leading"), "go", "--id", "top"]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: "Dug.\n" });
  expect(stderr).toContain("agent__digger goes on in its own run");
  // The call at the gate was in doubt, so the delegate was told and went on; what was noted before is not noted again.
  expect(await calls()).toBe("record spade\ngate\n");
  const tree = (await folder.run(["show", "top", "--tree"])).stdout;
  expect(tree).toMatch(
    /^leading top completed {2}2 steps, 75 tokens, \$0\.0001.*\n└ digger run_\w{26} completed {2}3 steps, 45 tokens/,
  );
  const rows = JSON.parse((await folder.run(["ls", "--parent", "top", "--json"])).stdout) as readonly object[];
  expect(rows).toMatchObject([{ agent: "digger", status: "completed", parent: "top", root: "top" }]);
});

it.each(["cancel", "kill"])("S14 %s of the parent from another process reaches the child", async (command) => {
  const process = await atGate();
  const { code } = await folder.run([command, "top", "--reason", "enough"]);
  expect(code).toBe(0);
  await process.ended;
  const { stdout } = await folder.run(["show", "top", "--tree", "--json"]);
  const status = command === "kill" ? "killed" : "cancelled";
  expect(JSON.parse(stdout)).toMatchObject({ status, children: [{ agent: "digger", status }] });
});
