import { existsSync } from "node:fs";
import { type FileHandle, mkdir, mkdtemp, open, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { blobsConformance } from "../../testing/blobs-conformance.ts";
import { openFolderBlobs } from "./folder.ts";

const BYTES = new TextEncoder().encode("hello");
const FILE = join("2c", "f24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
const HASH = FILE.replace("/", "");
const LONG_AGO = new Date("2001-02-03");

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "executus-blobs-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

blobsConformance({ describe, it }, "folder", async () => ({ blobs: openFolderBlobs(join(await newFolder(), "not", "yet")) }));

describe("blobs in a folder", () => {
  it("lie under the first two letters of their name, with nothing left beside them", async () => {
    const folder = await newFolder();
    await openFolderBlobs(folder).put(BYTES);
    expect(await readdir(folder, { recursive: true })).toEqual(["2c", FILE]);
  });

  it("are refused when their bytes have changed, and repaired by storing them again", async () => {
    const folder = await newFolder();
    const blobs = openFolderBlobs(folder);
    await blobs.put(BYTES);
    await writeFile(join(folder, FILE), "hellO");
    await expect(blobs.get(HASH)).rejects.toMatchObject({ code: "blob_damaged", file: join(folder, FILE) });
    await blobs.put(BYTES);
    expect(new Uint8Array(await blobs.get(HASH))).toEqual(BYTES);
  });

  it("are young again when they are stored again, so that no collection takes them before they are named", async () => {
    const folder = await newFolder();
    const blobs = openFolderBlobs(folder);
    await blobs.put(BYTES);
    await utimes(join(folder, FILE), LONG_AGO, LONG_AGO);
    await blobs.put(BYTES);
    expect(await blobs.collect(new Set(), 60_000)).toBe(0);
    expect(await readdir(join(folder, "2c"))).toHaveLength(1);
  });

  it("leave half-written files of a crash to the collection, and it takes nothing that is not ours", async () => {
    const folder = await newFolder();
    const blobs = openFolderBlobs(folder);
    await mkdir(join(folder, "2c"));
    for (const name of ["2c/tmp-half", "2c/notes.txt", "readme.md"]) {
      await writeFile(join(folder, name), "x");
      await utimes(join(folder, name), LONG_AGO, LONG_AGO);
    }
    expect(await blobs.collect(new Set(), 60_000)).toBe(0);
    expect((await readdir(folder, { recursive: true })).toSorted()).toEqual(["2c", "2c/notes.txt", "readme.md"]);
  });

  it("name the folder when it cannot be used", async () => {
    const folder = await newFolder();
    const file = join(folder, "file");
    await writeFile(file, "");
    await expect(openFolderBlobs(file).put(BYTES)).rejects.toMatchObject({ code: "store_unavailable", file, retryable: true });
  });
});

describe("a blob that has its name", () => {
  it("was flushed before it got it, and its name was flushed after it", async () => {
    const folder = await newFolder();
    const blobs = openFolderBlobs(folder);
    await blobs.put(new TextEncoder().encode("made before, so that its folders are there"));
    await using handle = await open(folder, "r");
    const handles = Object.getPrototypeOf(handle) as FileHandle;
    const flushes: { readonly what: string; readonly isNamed: boolean }[] = [];
    const spy = vi.spyOn(handles, "sync").mockImplementation(async function (this: FileHandle) {
      const stats = await this.stat();
      flushes.push({ what: stats.isFile() ? `${stats.size} bytes` : "a folder", isNamed: existsSync(join(folder, FILE)) });
    });
    onTestFinished(() => spy.mockRestore());
    await blobs.put(BYTES);
    expect(flushes.filter(({ what }) => what !== "a folder")).toEqual([{ what: "5 bytes", isNamed: false }]);
    expect(flushes.at(-1)).toEqual({ what: "a folder", isNamed: true });
  });
});
