import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createCliFolder, type CliFolder } from "./cli-folder.ts";
import { agentFile, type Finished } from "./cli-process.ts";

let folder: CliFolder;

beforeEach(async () => {
  folder = await createCliFolder();
});

afterEach(() => folder[Symbol.asyncDispose]());

const cli = (...words: string[]): Promise<Finished> => folder.run(words);
const SCHEMA = '{"type":"object","properties":{"asked":{"type":"array"}},"required":["asked"]}';
const staged = agentFile("staged");

describe("run", () => {
  it("S27 shows the phases of an agent, live, in show and in tail", async () => {
    const { stderr } = await cli("run", staged, "one", "--id", "r1");
    expect(stderr).toContain("phase Find (1 of 2) · script/staged");
    expect(stderr).toContain("phase Find ended: moss");
    expect(stderr).toContain("phase Tell (2 of 2)");
    const page = (await cli("show", "r1")).stdout;
    expect(page).toMatch(/phases +Find \(2 steps\), Tell \(1 step\)/);
    expect(page).toMatch(/phase Find\n.*record one[^]*phase Tell\n/);
    expect((await cli("tail", "r1")).stdout).toMatch(/ 2 \S phase Find ended[^]* 3 \S phase Tell ended/);
  });

  it("continues a run that has ended: the last of its agent, or the one that is named", async () => {
    await cli("run", staged, "one", "--id", "r1", "-q");
    const second = await cli("run", staged, "-c", "And two?", "-q", "--id", "r2", "--json-schema", SCHEMA);
    expect(JSON.parse(second.stdout)).toMatchObject({ asked: ["one", "And two?"] });
    const third = await cli("run", staged, "three", "--continue", "r1", "-q", "--id", "r3", "--json-schema", SCHEMA);
    expect(JSON.parse(third.stdout)).toMatchObject({ asked: ["one", "three"] });
    const fourth = await cli("run", staged, "four", "--last", "-q", "--json-schema", SCHEMA);
    expect(JSON.parse(fourth.stdout)).toMatchObject({ asked: ["one", "three", "four"] });
    const thread = JSON.parse((await cli("ls", "--thread", "r2", "--json")).stdout) as readonly {
      run: string;
      continues?: string;
    }[];
    expect(thread.slice(0, 3).map(({ run, continues }) => [run, continues])).toEqual([
      ["r1", undefined],
      ["r2", "r1"],
      ["r3", "r1"],
    ]);
    expect(thread).toHaveLength(4);
    expect((await cli("show", "r2")).stdout).toMatch(/continues +r1/);
  });

  it("says what is wrong with a follow-up", async () => {
    const none = await cli("run", staged, "one", "-c");
    expect(none).toMatchObject({ code: 7 });
    await cli("run", staged, "one", "--id", "r1", "-q");
    const unknown = await cli("run", staged, "one", "-c", "r9");
    expect(unknown).toMatchObject({ code: 2 });
    expect(unknown.stderr).toContain("Did you mean r1?");
  });

  it("takes a schema from a file, prints the data, and keeps it in the result", async () => {
    await writeFile(join(folder.path, "asked.json"), SCHEMA);
    const { stdout } = await cli("run", staged, "one", "--json-schema", "asked.json", "-q", "--output-format", "json");
    expect(JSON.parse(stdout)).toMatchObject({ structured_output: { asked: ["one"] } });
    const missing = await cli("run", staged, "one", "--json-schema", "nowhere.json");
    expect(missing).toMatchObject({ code: 2 });
    expect(missing.stderr).toContain("there is no file nowhere.json to read");
    expect((await cli("run", staged, "x", "--json-schema", "{nonsense")).stderr).toContain("is not JSON");
  });
});
