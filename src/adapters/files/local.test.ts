import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { openLocalFiles } from "./local.ts";

async function folderWith(name: string, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "executus-files-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, name), text);
  return folder;
}

async function serverOf(answers: Readonly<Record<string, string>>): Promise<number> {
  const server = createServer((request, response) => {
    const text = answers[request.url ?? ""];
    if (text === undefined) response.writeHead(404);
    response.end(text);
  });
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

it("reads a path, and names what it cannot read", async () => {
  const folder = await folderWith("notes.txt", "hello");
  const files = openLocalFiles();
  const { bytes, name } = await files.read({ path: join(folder, "notes.txt") }, { maxBytes: 5 });
  expect([Buffer.from(bytes).toString(), name]).toEqual(["hello", "notes.txt"]);
  const read = (path: string, maxBytes = 100): Promise<unknown> => files.read({ path }, { maxBytes });
  await expect(read(join(folder, "notes.txt"), 4)).rejects.toMatchObject({ code: "attachment_too_large" });
  await expect(read(join(folder, "nothing.txt"))).rejects.toMatchObject({ code: "attachment_unreadable" });
  await expect(read(folder)).rejects.toMatchObject({ code: "attachment_unreadable", file: folder });
});

it.runIf(existsSync("/dev/zero"))("does not wait for a pipe that nobody writes to, nor begin with a device", async () => {
  const folder = await folderWith("notes.txt", "hello");
  execFileSync("mkfifo", [join(folder, "pipe")]);
  for (const path of [join(folder, "pipe"), "/dev/zero"])
    await expect(openLocalFiles().read({ path }, { maxBytes: 5 })).rejects.toMatchObject({
      code: "attachment_unreadable",
      message: `${path} cannot be attached: it is no file`,
    });
});

it("reads an address that may be reached, and takes the name from it", async () => {
  const port = await serverOf({ "/a%20report.csv?x=1": "a,b", "/large": "x".repeat(200) });
  const files = openLocalFiles({ allowedHosts: [`127.0.0.1:${port}`] });
  const read = (path: string): Promise<{ readonly name: string }> =>
    files.read({ url: `http://127.0.0.1:${port}${path}` }, { maxBytes: 100 });
  expect((await read("/a%20report.csv?x=1")).name).toBe("a report.csv");
  await expect(read("/large")).rejects.toMatchObject({ code: "attachment_too_large" });
  await expect(read("/missing")).rejects.toMatchObject({ code: "attachment_unreadable" });
});

it("reads no address of this machine unless it is allowed", async () => {
  const port = await serverOf({ "/": "secret" });
  const reading = openLocalFiles().read({ url: `http://127.0.0.1:${port}/` }, { maxBytes: 100 });
  await expect(reading).rejects.toMatchObject({ code: "url_refused" });
});
