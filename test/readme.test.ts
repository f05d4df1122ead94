/** What the README and the guide say is run: every program, every command, every link. */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import type { Command } from "commander";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readModelsFile } from "../src/adapters/models/models-file.ts";
import { EXIT_CODES } from "../src/hosts/cli/exit-codes.ts";
import { createProgram } from "../src/hosts/cli/program.ts";
import { DEFAULT_LIMITS } from "../src/kernel/limits.ts";

const root = join(import.meta.dirname, "..");
const guide = globSync("docs/guide/*.md", { cwd: root }).toSorted();
const pages = ["README.md", "CONTRIBUTING.md", ...guide];

const textOf = (page: string): string => readFileSync(join(root, page), "utf8");

interface Block {
  readonly language: string;
  /** Of a block that is a file: its path. */
  readonly file: string;
  readonly code: string;
}

function blocksOf(page: string): readonly Block[] {
  const blocks = textOf(page).matchAll(/^```(\w+) ?(.*)\n([^]*?)^```$/gm);
  return [...blocks].map(([, language = "", file = "", code = ""]) => ({ language, file, code }));
}

/** The blocks of a page, in order, are one program. */
function programOf(page: string): string {
  const parts = blocksOf(page).filter(({ language, file }) => language === "ts" && file === "");
  return parts.map(({ code }) => code).join("\n");
}

function promisedOutput(program: string): readonly string[] {
  return [...program.matchAll(/\/\/ prints: (.*)$/gm)].map(([, line = ""]) => line);
}

/** A project of a reader: executus and its own packages are installed, one folder for each page. */
let project: string;

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), "executus-guide-"));
  mkdirSync(join(project, "node_modules"));
  for (const name of readdirSync(join(root, "node_modules"))) {
    if (!name.startsWith(".")) symlinkSync(join(root, "node_modules", name), join(project, "node_modules", name));
  }
  symlinkSync(root, join(project, "node_modules/executus"));
  writeFileSync(join(project, "package.json"), JSON.stringify({ type: "module" }));
  const options = { noUnusedLocals: false, isolatedDeclarations: false, declaration: false };
  writeFileSync(
    join(project, "tsconfig.json"),
    JSON.stringify({ extends: join(root, "tsconfig.json"), compilerOptions: options, include: ["**/*.ts"] }),
  );
  for (const page of guide) {
    const folder = folderOf(page);
    mkdirSync(folder);
    writeFileSync(join(folder, "program.ts"), programOf(page));
    for (const { file, code } of blocksOf(page).filter((block) => block.file !== "")) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), code);
    }
  }
});

afterAll(() => rmSync(project, { recursive: true, force: true }));

function folderOf(page: string): string {
  return join(project, basename(page, ".md"));
}

function runNode(args: readonly string[], cwd: string): { readonly lines: readonly string[]; readonly stderr: string } {
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: "utf8" });
  return { lines: stdout.split("\n").slice(0, -1), stderr };
}

describe("the README", () => {
  it("has an example of about 20 lines that runs as it stands", () => {
    const code = blocksOf("README.md").find(({ language, file }) => language === "js" && file === "example")?.code ?? "";
    expect(code.split("\n").length).toBeLessThanOrEqual(25);
    const folder = join(project, "readme");
    mkdirSync(folder);
    writeFileSync(join(folder, "example.mjs"), code);
    expect(runNode(["--conditions=executus-source", "example.mjs"], folder)).toEqual({
      lines: ["completed Sunny, for once."],
      stderr: "",
    });
  });

  it("has the two commands that do all the set-up", () => {
    const commands = blocksOf("README.md").filter(({ code }) => code.includes("npm ci"));
    expect(commands.map(({ code }) => code)).toEqual(["npm ci && npm start\n", "npm ci && npm test\n"]);
  });
});

describe("the guide", () => {
  it.each(guide)("%s runs and prints what it says", (page) => {
    const folder = folderOf(page);
    const { lines, stderr } = runNode(["--conditions=executus-source", "program.ts"], folder);
    expect(stderr).toBe("");
    expect(lines).toEqual(promisedOutput(programOf(page)));
  });

  it("is type-checked as it stands", () => {
    const { lines } = runNode([join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.json"], project);
    const aboutSources = /^(\.\.|\s)/;
    expect(lines.filter((line) => !aboutSources.test(line))).toEqual([]);
  });

  it("has a models.json that is understood", async () => {
    const { tiers } = await readModelsFile(join(folderOf("docs/guide/models.md"), "models.json"));
    expect(Object.keys(tiers)).toEqual(["fast"]);
  });

  it("names every limit, every error and every exit code", () => {
    const limits = textOf("docs/guide/limits-and-endings.md");
    expect(Object.keys(DEFAULT_LIMITS).filter((limit) => !limits.includes(`\`${limit}\``))).toEqual([]);
    const operating = textOf("docs/guide/operating.md").replaceAll(/ +/g, " ");
    const codes = [...textOf("src/ports/errors.ts").matchAll(/\| "(\w+)"/g)].map(([, code = ""]) => code);
    expect(codes.length).toBeGreaterThan(20);
    expect(codes.filter((code) => !operating.includes(`\`${code}\``))).toEqual([]);
    expect(EXIT_CODES.filter(({ code, meaning }) => !operating.includes(`| ${code} | ${meaning} |`))).toEqual([]);
  });
});

/** Command lines in shell blocks and in the text. */
function commandLinesOf(page: string): readonly string[] {
  const blocks = blocksOf(page).filter(({ language }) => language === "sh");
  const lines = blocks.flatMap(({ code }) => code.split("\n")).flatMap((line) => line.split("| "));
  const inText = [...textOf(page).matchAll(/`(executus [a-z][^`]*)`/g)].map(([, line = ""]) => line);
  return [...lines, ...inText].filter((line) => line.startsWith("executus "));
}

const commandLines = pages.flatMap((page) => commandLinesOf(page).map((line) => [page, line] as const));

it.each(commandLines)("%s: `%s` is a command with these options", async (_page, line) => {
  const words = line
    .replaceAll(/"[^"]*"/g, "TEXT")
    .replace(/ +#.*$/, "")
    .split(" ")
    .slice(1);
  const command = await commandOf(words);
  const given = words.filter((word) => word.startsWith("-") && word !== "-");
  const known = command.options.flatMap(({ long, short }) => [long, short]);
  expect(given.filter((option) => !known.includes(option))).toEqual([]);
});

async function commandOf(words: readonly string[]): Promise<Command> {
  const [name = "", part = ""] = words;
  const program = await createProgram(words);
  const command = program.commands.find((candidate) => candidate.name() === name);
  if (command === undefined) throw new Error(`there is no command ${name}`);
  if (command.commands.length === 0) return command;
  const sub = command.commands.find((candidate) => candidate.name() === part);
  if (sub === undefined) throw new Error(`there is no command ${name} ${part}`);
  return sub;
}

it.each(pages)("%s links to what is there", (page) => {
  const links = [...textOf(page).matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)].map(([, path = ""]) => path);
  expect(links.filter((path) => !existsSync(join(root, dirname(page), path)))).toEqual([]);
});
