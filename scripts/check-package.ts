/**
 * The package as users get it: built, linted by publint and attw, packed, installed into an empty folder, and the README's example
 * run there.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const bin = (name: string): string => join(root, "node_modules/.bin", name);
const run = (command: string, args: readonly string[], cwd: string = root): string =>
  execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });

/** Runtime packages, direct and indirect; a new one needs a reason. */
const MOST_PACKAGES = 12;

console.log("build");
run(process.execPath, [join(root, "scripts/build.ts")]);
console.log(run(bin("publint"), ["--strict"]).trim());

const folder = mkdtempSync(join(tmpdir(), "executus-package-"));
try {
  const [packed] = JSON.parse(run("npm", ["pack", "--json", "--pack-destination", folder])) as [
    { readonly filename: string; readonly size: number },
  ];
  const tarball = join(folder, packed.filename);
  console.log(run(bin("attw"), [tarball, "--profile", "esm-only"]).trim());
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "try", private: true, type: "module" }));
  run("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts", tarball], folder);
  const installed = run("npm", ["ls", "--all", "--parseable", "--omit=peer"], folder).trim().split("\n").length - 2;
  if (installed > MOST_PACKAGES) throw new Error(`${installed} runtime packages are installed; ${MOST_PACKAGES} is the most`);
  writeFileSync(join(folder, "example.mjs"), readmeExample());
  const output = run(process.execPath, ["example.mjs"], folder);
  if (!output.includes("completed")) throw new Error(`the README's example printed:\n${output}`);
  const { tool, program } = isolatedTool();
  writeFileSync(join(folder, "tool.ts"), tool);
  writeFileSync(join(folder, "program.ts"), program);
  const said = run(process.execPath, ["program.ts"], folder);
  if (said !== "spin timed out after 1000 ms.\n") throw new Error(`an isolated tool of the package said:\n${said}`);
  const version = run(process.execPath, [join(folder, "node_modules/.bin/executus"), "--version"], folder).trim();
  console.log(
    `${packed.filename}: ${packed.size} bytes, ${installed} runtime packages beside it, README example and an isolated tool ok, executus ${version}`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** TypeScript of a user, with a thread of the compiled package. */
function isolatedTool(): { readonly tool: string; readonly program: string } {
  const tool = `
    import { defineTool } from "executus";
    export const spin = defineTool({
      name: "spin", description: "Spins.", input: { type: "object" }, effect: "read", timeoutMs: 1_000, isolated: import.meta.url,
      execute: () => { for (;;); },
    });`;
  const program = `
    import { createExecutor, defineAgent } from "executus";
    import { scriptedModel } from "executus/testing";
    import { spin } from "./tool.ts";
    const models = scriptedModel([{ calls: [{ name: "spin" }] }, { text: "end" }]);
    const agent = defineAgent({ name: "spinner", instructions: "Spin.", tools: [spin], limits: { graceMs: 100 } });
    const { steps } = await createExecutor({ models }).run(agent, "go");
    console.log(steps[0]?.calls[0]?.output);`;
  return { tool, program };
}

/** The first block marked as `js example` in the README: what a newcomer pastes. */
function readmeExample(): string {
  const code = /```js example\n([\s\S]*?)```/.exec(readFileSync(join(root, "README.md"), "utf8"))?.[1];
  if (code === undefined) throw new Error("the README has no example");
  return code;
}
