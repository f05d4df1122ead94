import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isExecutusError } from "../../kernel/errors.ts";
import type { Agent } from "../../ports/definition.ts";
import type { Skill } from "../../ports/delegates.ts";
import { delegatesInFolders } from "./folders.ts";
import { createDelegates } from "./list.ts";

const scout: Agent = { name: "scout", instructions: "Look." };
const twice: Agent = { name: "pdf", instructions: "Read." };
const pdf: Skill = { kind: "skill", name: "pdf", description: "Reads PDFs.", body: async () => "x" };

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "executus-palette-"));
  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };
  await write("agents/scout.md", "---\ndescription: Looks.\ntools: Read, Bash\n---\nLook.");
  await write("more/scout.md", "Another.");
  await write("more/writer.md", "Write.");
  await write("more/boss.md", "---\nmode: primary\n---\nRule.");
  await write(".agents/skills/pdf/SKILL.md", "---\nname: pdf\ndescription: Reads PDFs.\n---\nx");
  await write("home/.agents/skills/mail/SKILL.md", "---\nname: mail\ndescription: Mail.\n---\nx");
});

afterAll(() => rm(root, { recursive: true, force: true }));

async function problem(attempt: Promise<unknown>): Promise<{ code: string; text: string }> {
  const error: unknown = await attempt.catch((error: unknown) => error);
  if (!isExecutusError(error)) throw new Error("nothing was wrong", { cause: error });
  return { code: error.code, text: `${error.message} ${error.hint}` };
}

describe("a palette in code", () => {
  it("S14 knows its delegates with prefix, and without where only one is meant", async () => {
    const palette = createDelegates([scout, pdf]);
    expect(await palette.names({})).toEqual(["agent__scout", "skill__pdf"]);
    expect(await palette.resolve(["pdf", "agent__scout"], {})).toEqual([pdf, scout]);
  });

  it("S14 refuses a name that is not there and names the nearest, and one that could be either", async () => {
    const palette = createDelegates([scout, pdf, twice]);
    expect(await problem(palette.resolve(["agent__scuot"], {}))).toMatchObject({ code: "delegate_unknown" });
    expect((await problem(palette.resolve(["agent__scuot"], {}))).text).toContain("Did you mean agent__scout?");
    expect((await problem(palette.resolve(["scot"], {}))).text).toContain("Did you mean scout?");
    expect((await problem(palette.resolve(["pdf"], {}))).text).toContain("Write agent__pdf or skill__pdf.");
  });

  it("S14 refuses two delegates of one name", () => {
    expect(() => createDelegates([pdf, pdf])).toThrow("two delegates named skill__pdf");
  });
});

describe("a palette of folders", () => {
  const folders = () => ({
    agents: [join(root, "agents"), join(root, "more"), join(root, "nowhere")],
    project: root,
    home: join(root, "home"),
    tools: ["read_file"],
  });

  it("S14 finds agents by file and skills by name, the first folder first", async () => {
    const palette = delegatesInFolders({ ...folders(), trust: true });
    expect(await palette.names({})).toEqual(["agent__scout", "agent__boss", "agent__writer", "skill__pdf", "skill__mail"]);
    const [found, skill] = await palette.resolve(["scout", "pdf"], {});
    expect(found).toMatchObject({ instructions: "Look.", tools: ["read_file"], source: join(root, "agents/scout.md") });
    expect(skill).toMatchObject({ kind: "skill", description: "Reads PDFs." });
  });

  it("S14 leaves alone an agent that is only for people", async () => {
    const { code, text } = await problem(delegatesInFolders(folders()).resolve(["boss"], {}));
    expect(code).toBe("delegate_unknown");
    expect(text).toContain("takes no work from other agents: its file says `mode: primary`");
  });

  it("S14 asks before it uses a skill that came with the project", async () => {
    const palette = delegatesInFolders(folders());
    expect(await problem(palette.resolve(["skill__pdf"], {}))).toMatchObject({ code: "skill_untrusted" });
    expect((await palette.resolve(["skill__mail"], {}))[0]).toMatchObject({ name: "mail" });
    const asked: string[] = [];
    const trust = (skill: Skill): boolean => asked.push(skill.name) > 0;
    expect(await delegatesInFolders({ ...folders(), trust }).resolve(["skill__pdf"], {})).toHaveLength(1);
    expect(asked).toEqual(["pdf"]);
  });
});
