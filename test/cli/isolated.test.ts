import { expect, it } from "vitest";
import { createCliFolder } from "./cli-folder.ts";
import { agentFile } from "./cli-process.ts";

it("an isolated tool of an agent's module is ended at its timeout", async () => {
  await using folder = await createCliFolder();
  const { code, stdout, stderr } = await folder.run(["run", agentFile("endless"), "go"]);
  expect([code, stdout]).toEqual([0, "It did not stop.\n"]);
  expect(folder.plain(stderr)).toContain("1 ✗ spin  error: spin timed out after 600 ms.");
});
