import { execFileSync } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isExecutusError } from "../../kernel/errors.ts";
import type { Skill } from "../../ports/delegates.ts";
import { findSkills } from "./find-skills.ts";
import { loadSkill, type SkillOptions } from "./load-skill.ts";

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "executus-skills-"));
});

afterAll(() => rm(root, { recursive: true, force: true }));

async function write(path: string, text: string): Promise<string> {
  const file = join(root, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  return file;
}

async function load(folder: string, front: string, options: SkillOptions = {}): Promise<{ skill: Skill; warnings: string[] }> {
  const file = await write(`${folder}/SKILL.md`, `---\n${front}\n---\nDo it.\n`);
  const warnings: string[] = [];
  const skill = await loadSkill(dirname(file), {
    onWarning: (warning) => warnings.push(warning.replace(`${root}/`, "")),
    ...options,
  });
  return { skill, warnings };
}

async function problem(attempt: Promise<unknown>): Promise<string> {
  const error: unknown = await attempt.catch((error: unknown) => error);
  if (!isExecutusError(error)) throw new Error("nothing was wrong", { cause: error });
  expect(error.code).toBe("skill_invalid");
  return `${error.message.replaceAll(`${root}/`, "")} ${error.hint}`;
}

describe("a skill in a folder", () => {
  it("S14 says its name, what it is for, and everything else the specification knows", async () => {
    const { skill, warnings } = await load(
      "pdf",
      "name: pdf\ndescription: Reads PDFs.\nlicense: MIT\ncompatibility: Needs poppler\nmetadata:\n  author: ana\nallowed-tools: read_file Bash(git:*)",
    );
    expect(warnings).toEqual([]);
    expect(skill).toMatchObject({
      kind: "skill",
      name: "pdf",
      description: "Reads PDFs.",
      license: "MIT",
      compatibility: "Needs poppler",
      metadata: { author: "ana" },
      allowedTools: ["read_file", "Bash(git:*)"],
      source: join(root, "pdf/SKILL.md"),
    });
    expect(skill.files).toBeUndefined();
    expect(await skill.body()).toBe("Do it.");
  });

  it("S14 reads its instructions when they are asked for, and its files one by one", async () => {
    await write("staged/references/details.md", "one\ntwo\nthree\n");
    const { skill } = await load("staged", "name: staged\ndescription: In stages.");
    await write("staged/SKILL.md", "---\nname: staged\ndescription: In stages.\n---\nDo it otherwise.\n");
    expect(await skill.body()).toBe("Do it otherwise.");
    expect(await skill.files?.list()).toEqual(["references/details.md"]);
    expect(await skill.files?.read("references/details.md", 2)).toBe("two\nthree");
  });

  it("S14 does not let anybody read outside of it", async () => {
    await write("secret.txt", "the password");
    await write("confined/scripts/run.sh", "echo");
    const { skill } = await load("confined", "name: confined\ndescription: Stays inside.");
    await symlink(join(root, "secret.txt"), join(root, "confined/link.txt"));
    for (const path of ["../secret.txt", join(root, "secret.txt"), "link.txt", "scripts/../../secret.txt"]) {
      await expect(skill.files?.read(path, 1), path).rejects.toThrow(/folder|not allowed|leads out/);
    }
    await expect(skill.files?.read("scripts/rum.sh", 1)).rejects.toThrow("did you mean scripts/run.sh?");
    await expect(skill.files?.read("nothing", 1)).rejects.toThrow("the instructions of the skill list its files");
  });

  it("S14 takes text with colons without quotes, unless it is to be strict", async () => {
    const front = "name: loose\ndescription: Use it when: things are loose";
    expect((await load("loose", front)).skill.description).toBe("Use it when: things are loose");
    expect(await problem(load("loose", front, { strict: true }))).toMatch(/^loose\/SKILL\.md:3: .*quotes/);
  });

  it("S14 is work for a run of its own where it says so", async () => {
    expect((await load("forked", "name: forked\ndescription: x\ncontext: fork")).skill.runs).toBe("child");
  });

  it.each([
    ["other", "name: another\ndescription: x", "it is named another, and its folder other"],
    ["Loud", "name: Loud Name\ndescription: x", '"Loud Name" is not a name for a skill'],
    ["double", "name: double--hyphen\ndescription: x", '"double--hyphen" is not a name'],
    ["versioned", "name: versioned\ndescription: x\nversion: 1", "`version` is not a field of a skill"],
    ["wordy", `name: wordy\ndescription: ${"x".repeat(1_100)}`, "its description has 1100 characters"],
    ["nameless", "description: x", "it has no `name`"],
  ])("S14 warns of what the specification forbids, and refuses it when strict: %s", async (folder, front, expected) => {
    const { skill, warnings } = await load(folder, front);
    expect(warnings.join("\n")).toContain(expected);
    expect(skill.name).toMatch(/^[a-z0-9-]+$/);
    expect(await problem(load(folder, front, { strict: true }))).toContain(expected);
  });

  it("S14 without a description is refused, with the line and what to write", async () => {
    expect(await problem(load("mute", "name: mute"))).toBe(
      "mute/SKILL.md:1: it has no `description`. Say what it does and when to use it: the model chooses by it.",
    );
    expect(await problem(loadSkill(join(root, "nowhere")))).toContain("there is no such skill");
    await mkdir(join(root, "hollow"));
    expect(await problem(loadSkill(join(root, "hollow")))).toContain("hollow/SKILL.md: there is no such file");
  });
});

it.runIf(existsSync("/dev/zero"))(
  "S14 a pipe, a device or a giant is no skill, and does not keep the others from being found",
  async () => {
    await write("odd/.agents/skills/good/SKILL.md", "---\nname: good\ndescription: is good\n---\nx");
    const skills = join(root, "odd/.agents/skills");
    execFileSync("mkfifo", [join(skills, "pipe.md")]);
    await symlink("/dev/zero", join(skills, "endless.md"));
    await mkdir(join(skills, "piped"));
    execFileSync("mkfifo", [join(skills, "piped/SKILL.md")]);
    await write("odd/.agents/skills/large.md", "x".repeat(1_000_001));
    const warnings: string[] = [];
    const found = await findSkills({ project: join(root, "odd"), home: false, onWarning: (text) => warnings.push(text) });
    expect([...found.keys()]).toEqual(["good"]);
    expect(warnings.map((text) => text.replaceAll(`${skills}/`, ""))).toEqual([
      expect.stringMatching(
        /^endless\.md: it cannot be read: it is a pipe, a device or a socket.*at most 1 MB\. The skill is left out\.$/,
      ),
      expect.stringMatching(/^large\.md: it cannot be read: it is larger than 1 MB\./),
      expect.stringMatching(/^pipe\.md: it cannot be read: it is a pipe/),
      expect.stringMatching(/^piped\/SKILL\.md: it cannot be read: it is a pipe/),
    ]);
  },
);

it("S14 a plain Markdown file is a skill named after it, for what its first line says", async () => {
  const file = await write("plain/release-notes.md", "# Writes release notes\n\nBe brief.\n");
  const skill = await loadSkill(file);
  expect(skill).toMatchObject({ name: "release-notes", description: "Writes release notes" });
  expect(await skill.body()).toContain("Be brief.");
});

it("S14 the project's skill comes before the person's of the same name, and that is said", async () => {
  await write("project/.agents/skills/pdf/SKILL.md", "---\nname: pdf\ndescription: of the project\n---\nx");
  await write("project/.claude/skills/old/SKILL.md", "---\nname: old\ndescription: elsewhere\n---\nx");
  await write("home/.agents/skills/pdf/SKILL.md", "---\nname: pdf\ndescription: of the person\n---\nx");
  await write("home/.agents/skills/mail/SKILL.md", "---\nname: mail\ndescription: mail\n---\nx");
  await write("home/.agents/skills/broken/SKILL.md", "---\nname: broken\n---\nx");
  const warnings: string[] = [];
  const places = { project: join(root, "project"), home: join(root, "home"), onWarning: (text: string) => warnings.push(text) };
  const found = await findSkills(places);
  expect([...found.keys()]).toEqual(["pdf", "mail"]);
  expect(found.get("pdf")).toMatchObject({ from: "project", skill: { description: "of the project" } });
  expect(warnings.join("\n")).toMatch(/there is a skill named pdf in .*project.* already/);
  expect(warnings.join("\n")).toMatch(/broken.*it has no `description`.*left out/);
  expect([...(await findSkills({ ...places, claude: true })).keys()]).toEqual(["pdf", "old", "mail"]);
});

const corpus = process.env["EXECUTUS_CORPUS"] ?? fileURLToPath(new URL("../../../../shared/corpus/open", import.meta.url));

describe.skipIf(!existsSync(join(corpus, "skills")))("skills that people have published (needs the corpus)", () => {
  it("S14 are all read, or say file, line and what to do", async () => {
    const files = globSync("skills/**/SKILL.md", { cwd: corpus });
    const reasons: string[] = [];
    let strict = 0;
    for (const file of files) {
      try {
        const skill = await loadSkill(join(corpus, dirname(file)));
        expect(await skill.body()).not.toBe("");
        for (const path of (await skill.files?.list()) ?? []) expect(await skill.files?.read(path, 1), path).not.toBe("");
      } catch (error) {
        if (!isExecutusError(error)) throw error;
        reasons.push(`${error.message} ${error.hint}`);
      }
      strict += await loadSkill(join(corpus, dirname(file)), { strict: true }).then(
        () => 1,
        () => 0,
      );
    }
    process.stdout.write(`skills of the corpus: ${files.length - reasons.length} of ${files.length} read, strictly ${strict}\n`);
    expect(files.length).toBeGreaterThan(100);
    for (const reason of reasons) expect(reason).toMatch(/SKILL\.md:\d+: .+\. [A-Z].+\.$/);
    expect(reasons).toEqual([]);
  });
});
