/** DESIGN section 7, read off the file system: dependencies point inward. */
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, it } from "vitest";

const src = resolve(import.meta.dirname, "../src");

/** What each room may import; `node:` and packages are for adapters, hosts and the kit. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  ports: ["ports"],
  kernel: ["kernel", "ports"],
  run: ["run", "kernel", "ports"],
  adapters: ["adapters", "kernel", "ports"],
  testing: ["testing", "adapters", "run", "kernel", "ports", "create-executor.ts"],
  hosts: ["hosts", "testing", "adapters", "run", "kernel", "ports", "create-executor.ts", "index.ts"],
};
const WITHOUT_PACKAGES = new Set(["ports", "kernel", "run"]);

const files = globSync("**/*.ts", { cwd: src }).filter((file) => file.includes("/") && !file.endsWith(".test.ts"));

it.each(files)("%s imports inward only", (file) => {
  const room = file.split("/")[0] ?? "";
  const text = readFileSync(join(src, file), "utf8");
  const imports = [
    ...text.matchAll(/(?:^|\n)\s*(?:import|export)[^;]*?from "([^"]+)"|import\("([^"]+)"\)|(?:^|\n)\s*import "([^"]+)"/g),
  ].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
  const wrong = imports.filter((path) => !isAllowed(room, file, path));
  expect(wrong).toEqual([]);
});

function isAllowed(room: string, file: string, path: string): boolean {
  if (!path.startsWith(".")) return !WITHOUT_PACKAGES.has(room);
  const target = relative(src, resolve(src, dirname(file), path));
  return (ROOMS[room] ?? []).includes(target.split("/")[0] ?? "");
}

it("keeps time, randomness and I/O out of the kernel", () => {
  const impure = /\bDate\b|Math\.random|performance\.|\bprocess\.|set(Timeout|Interval|Immediate)|\bfetch\(|console\./;
  const found = files.filter(
    (file) => file.startsWith("kernel/") && impure.test(withoutComments(readFileSync(join(src, file), "utf8"))),
  );
  expect(found).toEqual([]);
});

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/\/\/.*$/gm, "");
}
