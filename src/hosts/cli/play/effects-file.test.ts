import { appendFileSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openEffectsFile } from "./effects-file.ts";

let folder = "";
let file = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "executus-effects-"));
  file = join(folder, "effects.txt");
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("the file of effects", () => {
  it("knows what was there, what it wrote and what another process wrote meanwhile", () => {
    writeFileSync(file, "play_a 0.0\n");
    const effects = openEffectsFile(file);
    expect([effects.has("play_a", "0.0"), effects.has("play_a", "0.1"), effects.has("play_b", "0.0")]).toEqual([
      true,
      false,
      false,
    ]);
    effects.record("play_a", "0.1");
    expect(effects.has("play_a", "0.1")).toBe(true);
    appendFileSync(file, "play_b 0");
    expect([effects.has("play_b", "0"), effects.has("play_b", "0.0")]).toEqual([false, false]);
    appendFileSync(file, ".0\nplay_é 1.0\n");
    expect([effects.has("play_b", "0"), effects.has("play_b", "0.0"), effects.has("play_é", "1.0")]).toEqual([false, true, true]);
  });

  it("reads what was appended, not the whole again", () => {
    writeFileSync(file, "play_a 0.0\nplay_b 0.0\n");
    const effects = openEffectsFile(file);
    expect(effects.has("play_a", "0.0")).toBe(true);
    const handle = openSync(file, "r+");
    writeSync(handle, "play_z", 0);
    closeSync(handle);
    appendFileSync(file, "play_c 0.0\n");
    expect(readFileSync(file, "utf8")).toBe("play_z 0.0\nplay_b 0.0\nplay_c 0.0\n");
    expect([effects.has("play_c", "0.0"), effects.has("play_z", "0.0")]).toEqual([true, false]);
  });

  it("begins again with a file that was made anew", () => {
    writeFileSync(file, "play_a 0.0\nplay_b 0.0\n");
    const effects = openEffectsFile(file);
    expect(effects.has("play_b", "0.0")).toBe(true);
    writeFileSync(file, "play_c 0.0\n");
    expect([effects.has("play_b", "0.0"), effects.has("play_c", "0.0")]).toEqual([false, true]);
    rmSync(file);
    expect(effects.has("play_c", "0.0")).toBe(false);
  });
});
