import assert from "node:assert/strict";
import type { Skill } from "../ports/delegates.ts";
import { assertPlain, settles, type Subject, suite } from "./conformance.ts";
import type { TestApi } from "./store-conformance.ts";

export interface SkillUnderTest extends Subject {
  readonly skill: Skill;
  /** A text file beside it, by its path, with some of what is in its second line; if it has files. */
  readonly file?: { readonly path: string; readonly line: string };
  /** Makes its instructions unreadable, if that can happen. */
  readonly remove?: () => Promise<void>;
}

const OUTSIDE = ["../outside.md", "../../etc/passwd", "/etc/passwd", "no-such-folder/no-such-file.md", ""];

/** A text for the model: an error that says something. */
async function rejectsInWords(promise: Promise<unknown>, what: string): Promise<void> {
  await assert.rejects(
    settles(promise),
    (error) => {
      assert.ok(error instanceof Error && !(error instanceof assert.AssertionError), `${what}: ${String(error)}`);
      assert.match(error.message, /\S/, `${what} fails without a word`);
      return true;
    },
    `${what} is read`,
  );
}

/**
 * What every Skill must do.
 *
 * @example
 * skillConformance({ describe, it }, "my skill", async () => ({ skill: haikuSkill }));
 */
export function skillConformance(api: TestApi, name: string, open: () => Promise<SkillUnderTest>): void {
  suite(api, `${name} keeps the promises of a skill`, {
    open,
    tests: (test) => {
      test("has a name and says what it is for, in data", async ({ skill }) => {
        const { kind, name: own, description, runs = "inline", metadata, allowedTools } = skill;
        assert.equal(kind, "skill");
        assert.match(own, /^[a-z0-9-]{1,64}$/);
        assert.match(description, /\S/);
        assert.ok(["inline", "child"].includes(runs), `it runs ${runs}`);
        assertPlain(metadata, "its metadata");
        assertPlain(allowedTools, "the tools that it names");
      });

      test("gives its instructions, the same each time", async ({ skill }) => {
        const first = await settles(skill.body());
        assert.match(first, /\S/, "there are no instructions");
        const others = await settles(Promise.all([skill.body(), skill.body()]));
        assert.deepEqual(others, [first, first]);
      });

      test("lists its files, and reads each that it lists", async ({ skill, file }) => {
        const paths = (await settles(skill.files?.list() ?? Promise.resolve([]))).filter((path) => !/^and \d+ more$/.test(path));
        if (file !== undefined) assert.ok(paths.includes(file.path), `${file.path} is not among ${paths.join(", ")}`);
        for (const path of paths) {
          assert.doesNotMatch(path, /^\/|^\.\.(\/|$)/, "paths are below the skill's folder");
          assert.equal(typeof (await settles(skill.files?.read(path, 1) ?? Promise.resolve(""))), "string");
        }
      });

      test("reads a file from a line on", async ({ skill, file }) => {
        if (file === undefined || skill.files === undefined) return;
        const { path, line } = file;
        const from = async (offset: number): Promise<string> => {
          const reading = skill.files?.read(path, offset) ?? Promise.reject(new Error("it has no files"));
          return settles(reading.catch(() => ""));
        };
        for (const offset of [1, 2])
          assert.ok((await from(offset)).includes(line), `its second line is not there from line ${offset} on`);
        assert.ok(!(await from(3)).includes(line), "lines before the offset are there");
      });

      test("reads nothing outside of its folder, and says so", async ({ skill }) => {
        for (const path of OUTSIDE) if (skill.files !== undefined) await rejectsInWords(skill.files.read(path, 1), `"${path}"`);
      });

      test("says that its instructions cannot be read", async ({ skill, remove }) => {
        if (remove === undefined) return;
        await remove();
        await rejectsInWords(skill.body(), "its body");
      });
    },
  });
}
