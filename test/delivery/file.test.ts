import { mkdtempSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { file } from "../../src/adapters/delivery/file.ts";
import { deliveryOf, patience } from "./local-server.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "executus-file-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const read = (name: string): string => readFileSync(join(root, name), "utf8");

describe("file", () => {
  it("S41 writes the whole message, under the delivery's name or another, and nothing beside it", async () => {
    const adapter = file({ root });
    const delivery = deliveryOf({ kind: "file" });
    expect(await adapter.deliver(delivery, patience())).toEqual({ outcome: "delivered", receipt: { file: "r.d0.json" } });
    expect(read("r.d0.json")).toBe(`${delivery.body}\n`);
    await adapter.deliver(deliveryOf({ kind: "file", id: "a/b/today.txt", options: { format: "text" } }), patience());
    expect(read("a/b/today.txt")).toBe("15 mugs.\n");
    expect(readdirSync(join(root, "a/b"))).toEqual(["today.txt"]);
  });

  it("S41 replaces a file whole when it is delivered again", async () => {
    const adapter = file({ root });
    writeFileSync(join(root, "r.d0.json"), "x".repeat(10_000));
    await adapter.deliver(deliveryOf({ kind: "file" }), patience());
    expect(JSON.parse(read("r.d0.json"))).toMatchObject({ type: "run.completed" });
  });

  it("S41 appends a line of JSON once, however often it is delivered, also after one that a crash has torn", async () => {
    const adapter = file({ root });
    const target = { kind: "file", id: "log.jsonl", options: { append: true } };
    writeFileSync(join(root, "log.jsonl"), '{"id":"torn');
    for (const id of ["a.d0", "a.d0", "b.d0"]) await adapter.deliver(deliveryOf(target, "x", { id }), patience());
    const [torn, ...lines] = read("log.jsonl").trimEnd().split("\n");
    expect(torn).toBe('{"id":"torn');
    expect(lines.map((line) => (JSON.parse(line) as { id: string }).id)).toEqual(["a.d0", "b.d0"]);
  });

  it.each(["../out.json", "/etc/out.json", "a/../../out", "a/", "", ".."])("S41 refuses the path %j", (id) => {
    expect(() => file({ root }).check?.({ kind: "file", id })).toThrow("not a file below");
  });

  it("S41 follows no link out of its folder", async () => {
    const inside = join(root, "inside");
    mkdirSync(inside);
    symlinkSync(root, join(inside, "out"));
    const report = await file({ root: inside }).deliver(deliveryOf({ kind: "file", id: "out/x.json" }), patience());
    expect(report).toMatchObject({ outcome: "failed", permanent: true });
    expect(readdirSync(root)).toEqual(["inside"]);
  });

  it("S41 fails, to be tried again, where it cannot write", async () => {
    writeFileSync(join(root, "taken"), "");
    await expect(file({ root }).deliver(deliveryOf({ kind: "file", id: "taken/x.json" }), patience())).rejects.toThrow("EEXIST");
  });
});
