/** That the suites for skills and for memories of tools fail what does not keep their promises: one broken in one place each. */
import { expect, it } from "vitest";
import type { ToolSnapshot } from "../../src/ports/agent.ts";
import type { Skill, SkillFiles } from "../../src/ports/delegates.ts";
import type { ToolMemory } from "../../src/ports/tool-source.ts";
import * as kit from "../../src/testing/index.ts";
import { failuresAs, type Register } from "../support/failures.ts";

const FORM = "forms/haiku.md";
const LINES = ["# Form", "five, seven, five", "no rhymes"];

const files: SkillFiles = {
  list: async () => [FORM],
  read: async (path, offset) => {
    if (path !== FORM) throw new Error(`there is no file ${path}`);
    return LINES.slice(offset - 1).join("\n");
  },
};

interface Folder {
  isThere: boolean;
}

const skill = (broken: (folder: Folder) => Partial<Skill>): Register => {
  return (api) =>
    kit.skillConformance(api, "broken", async () => {
      const folder: Folder = { isThere: true };
      const body = async (): Promise<string> => {
        if (!folder.isThere) throw new Error("the skill is gone");
        return "Three lines.";
      };
      const whole: Skill = { kind: "skill", name: "haiku", description: "Writes a haiku.", body, files };
      return {
        skill: { ...whole, ...broken(folder) },
        file: { path: FORM, line: "five, seven, five" },
        remove: async () => void (folder.isThere = false),
      };
    });
};

/** What all processes see. */
interface Disk {
  text?: string;
}

const onDisk = (disk: Disk): ToolMemory => ({
  recall: async () => (disk.text === undefined ? undefined : (JSON.parse(disk.text) as readonly ToolSnapshot[])),
  remember: async (tools) => void (disk.text = JSON.stringify(tools)),
});

const memory = (broken: (whole: ToolMemory, disk: Disk) => Partial<ToolMemory>): Register => {
  return (api) =>
    kit.toolMemoryConformance(api, "broken", async () => {
      const disk: Disk = {};
      const made = (): ToolMemory => {
        const whole = onDisk(disk);
        return { ...whole, ...broken(whole, disk) };
      };
      return { memory: made(), another: async () => made(), damage: async () => void (disk.text = "{") };
    });
};

const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it.each<readonly [string, Register, readonly string[]]>([
  ["a skill that says nothing of itself", skill(() => ({ description: " " })), ["says what it is for"]],
  ["a skill with a name that no model can call", skill(() => ({ name: "Haiku!" })), ["says what it is for"]],
  [
    "a skill whose instructions can be read once",
    skill((folder) => {
      let left = 1;
      return { body: async () => (folder.isThere && left-- > 0 ? "Three lines." : Promise.reject(new Error("read already"))) };
    }),
    ["the same each time"],
  ],
  [
    "a skill that says something else each time",
    skill((folder) => {
      let n = 0;
      return { body: async () => (folder.isThere ? `${++n} lines.` : Promise.reject(new Error("the skill is gone"))) };
    }),
    ["the same each time"],
  ],
  [
    "a skill that lists what it cannot read",
    skill(() => ({ files: { ...files, list: async () => [FORM, "forms/sonnet.md"] } })),
    ["reads each that it lists"],
  ],
  [
    "a skill that lists files of others",
    skill(() => ({
      files: {
        list: async () => [FORM, "/etc/hosts"],
        read: async (path, offset) => (path === "/etc/hosts" ? "" : files.read(path, offset)),
      },
    })),
    ["reads each that it lists"],
  ],
  [
    "a skill that begins at the beginning again",
    skill(() => ({ files: { ...files, read: async (path) => files.read(path, 1) } })),
    ["from a line on"],
  ],
  [
    "a skill that reads any file",
    skill(() => ({
      files: { ...files, read: async (path, offset) => (path.startsWith("..") ? "root:x:0:0" : files.read(path, offset)) },
    })),
    ["outside of its folder"],
  ],
  [
    "a skill that refuses without a word",
    skill(() => ({
      files: {
        ...files,
        read: async (path, offset) => (path === FORM ? files.read(path, offset) : Promise.reject(new Error(""))),
      },
    })),
    ["outside of its folder"],
  ],
  [
    "a skill that is empty when it is gone",
    skill((folder) => ({ body: async () => (folder.isThere ? "Three lines." : "") })),
    ["cannot be read"],
  ],
  [
    "a memory that begins with no tools",
    memory((whole) => ({ recall: async () => (await whole.recall()) ?? [] })),
    ["before something was remembered"],
  ],
  [
    "a memory that takes no tools for nothing",
    memory((whole) => ({
      recall: async () => {
        const found = await whole.recall();
        return found?.length === 0 ? undefined : found;
      },
    })),
    ["which is not nothing"],
  ],
  [
    "a memory of its own in each process",
    memory(() => onDisk({})),
    ["in other processes", "instead of the one before", "which is not nothing", "at once", "cannot be read"],
  ],
  [
    "a memory of names",
    memory((whole) => ({
      recall: async () =>
        (await whole.recall())?.map((tool) => ({ ...tool, description: tool.description.split("\n")[0] ?? "" })),
    })),
    ["in other processes", "at once"],
  ],
  [
    "a memory that adds to what it knows",
    memory((whole) => ({
      remember: async (tools) => {
        const known = (await whole.recall()) ?? [];
        await whole.remember([...known.filter(({ name }) => !tools.some((tool) => tool.name === name)), ...tools]);
      },
    })),
    ["instead of the one before"],
  ],
  [
    "a memory that writes in parts",
    memory((whole) => ({
      remember: async (tools) => {
        const half = Math.ceil(tools.length / 2);
        await whole.remember(tools.slice(0, half));
        await later();
        await whole.remember([...((await whole.recall()) ?? []), ...tools.slice(half)]);
      },
    })),
    ["at once"],
  ],
  [
    "a memory that takes damage for nothing",
    memory((whole) => ({ recall: async () => whole.recall().catch(() => undefined) })),
    ["cannot be read"],
  ],
  [
    "a memory that sorts what it is given",
    memory((whole) => ({
      remember: async (tools) => {
        await whole.remember(tools);
        (tools as ToolSnapshot[]).shift();
      },
    })),
    ["changes nothing"],
  ],
])("%s fails", async (_name, register, parts) => {
  expect(await failuresAs(register, parts)).toEqual(parts.toSorted());
});

it("skills and memories that keep all promises pass", async () => {
  expect(
    await failuresAs(
      skill(() => ({})),
      [],
    ),
  ).toEqual([]);
  expect(
    await failuresAs(
      memory(() => ({})),
      [],
    ),
  ).toEqual([]);
});
