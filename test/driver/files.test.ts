/** Files that come along, files that are read in pieces, files that are left behind. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { createExecutor } from "../../src/create-executor.ts";
import type { AttachmentInput } from "../../src/ports/files.ts";
import type { ModelCall } from "../../src/ports/models.ts";
import type { RunRequest } from "../../src/run/types.ts";
import { type Script, scriptedModel } from "../../src/testing/scripted-model.ts";
import { createWorld, makeAgent, makeTool, type World, type WorldOptions } from "../support/world.ts";

const PNG = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const PDF = new TextEncoder().encode("%PDF-1.7 …");
const read = (input: object): { readonly calls: readonly { readonly name: string; readonly input: never }[] } => ({
  calls: [{ name: "read_attachment", input: input as never }],
});

async function run(script: Script, request: Partial<RunRequest>, options: WorldOptions = {}): Promise<World> {
  const world = createWorld(script, options);
  await world.clock.until(world.executor.run(makeAgent([]), { input: "look", id: "r", ...request }));
  return world;
}

/** What the model was told by the n-th call's result. */
function resultsOf(call: ModelCall | undefined): readonly unknown[] {
  return (call?.messages ?? []).flatMap((message) =>
    message.role === "tool" ? message.content.map(({ output }) => output.value) : [],
  );
}

async function refusal(attachments: readonly AttachmentInput[], options: WorldOptions = {}): Promise<string> {
  const world = createWorld([{ text: "ok" }], options);
  const result = await world.clock.until(world.executor.run(makeAgent([]), { input: "look", attachments }));
  expect(world.models.calls).toEqual([]);
  return `${result.error?.code ?? ""}: ${result.error?.message ?? ""}`;
}

describe("attachments", () => {
  it("S23 are listed in the first turn with ids, and read with the tool that comes with them", async () => {
    const attachments = [
      { text: "line one\nline two", name: "notes.txt" },
      { bytes: PDF, name: "../../x/report.pdf" },
      { text: "a,b", name: "t.csv" },
    ];
    const script = [
      read({ file: "file-1" }),
      read({ file: "report.pdf" }),
      read({ file: "file-3", offset: 1, length: 2 }),
      { text: "end" },
    ];
    const world = await run(script, { attachments });
    const [first] = world.models.calls;
    expect(first?.messages).toEqual([
      {
        role: "user",
        content: [
          { type: "text", text: "look" },
          {
            type: "text",
            text: [
              "[ATTACHED FILES]",
              "- file-1: notes.txt (text/plain, 17 bytes)",
              `- file-2: report.pdf (application/pdf, ${PDF.length} bytes)`,
              "- file-3: t.csv (text/csv, 3 bytes)",
              "Read them with read_attachment, by id.",
            ].join("\n"),
          },
        ],
      },
    ]);
    expect(first?.tools.map(({ name }) => name)).toEqual(["read_attachment"]);
    expect(resultsOf(world.models.calls[3])).toEqual([
      "notes.txt (file-1), characters 0 to 17 of 17:\nline one\nline two",
      `report.pdf (file-2) is application/pdf, ${PDF.length} bytes. It is no text and cannot be read here.`,
      "t.csv (file-3), characters 1 to 3 of 3:\n,b",
    ]);
  });

  it("S34 images come inline, text first, without an empty text part", async () => {
    const both = await run([{ text: "ok" }], { attachments: [{ bytes: PNG }, { text: "x" }] });
    const parts = both.models.calls[0]?.messages[0]?.content ?? [];
    expect(parts.map((part) => (part.type === "file" ? part.mediaType : part.type))).toEqual(["text", "text", "image/png"]);
    const alone = await run([{ text: "ok" }], { input: "", attachments: [{ bytes: PNG, name: "cat.png" }] });
    expect(alone.models.calls[0]?.messages[0]?.content).toMatchObject([
      { type: "file", filename: "cat.png", mediaType: "image/png" },
    ]);
    expect(alone.models.calls[0]?.tools).toEqual([]);
  });

  it("S23 are nothing to a run that has none, or whose executor takes none", async () => {
    const without = await run([{ text: "ok" }], {});
    expect(without.models.calls[0]?.tools).toEqual([]);
    const warnings: string[] = [];
    const observers = [{ warning: (_run: string, message: string) => void warnings.push(message) }];
    const off = await run([{ text: "ok" }], { attachments: [{ text: "x" }] }, { files: false, observers });
    expect(off.models.calls[0]?.messages).toEqual([{ role: "user", content: [{ type: "text", text: "look" }] }]);
    expect(warnings).toEqual(["files were attached and left out: this executor takes none"]);
  });

  it("S23 are stored once, by their content", async () => {
    const world = await run([{ text: "ok" }], {
      attachments: [
        { text: "same", name: "a" },
        { text: "same", name: "b" },
      ],
    });
    const [started] = await world.store.journal.read("r");
    const files = started?.type === "run.started" ? (started.request.attachments ?? []) : [];
    expect(files.map(({ id, name }) => [id, name])).toEqual([
      ["file-1", "a"],
      ["file-2", "b"],
    ]);
    expect(new Set(files.map(({ data }) => data.hash)).size).toBe(1);
    expect(await world.blobs.collect(new Set(files.map(({ data }) => data.hash)), -1)).toBe(0);
  });

  it("are refused before anything happens when they are too large, too many, or not what they are said to be", async () => {
    expect(await refusal([{ text: "12345" }], { attachments: { maxBytes: 4 } })).toMatch(
      /^attachment_too_large: attachment-1: 5 bytes, and 4/,
    );
    expect(await refusal([{ text: "123" }, { text: "456" }], { attachments: { totalBytes: 5 } })).toMatch(
      /^attachment_too_large/,
    );
    expect(await refusal([{ text: "1" }, { text: "2" }], { attachments: { most: 1 } })).toMatch(/^attachment_too_large: 2 files/);
    expect(await refusal([{ bytes: PDF, mediaType: "image/png", name: "x.png" }])).toMatch(
      /^attachment_type: x\.png is said to be image\/png, but its bytes are application\/pdf/,
    );
    expect(await refusal([{ text: "x" }], { attachments: { types: ["image/*"] } })).toMatch(
      /^attachment_type: .* Taken are image\/\*/,
    );
    expect(await refusal([{ path: "/tmp/x" }])).toMatch(/^not_supported/);
  });

  it("come from the disk and from addresses that may be reached", async () => {
    const folder = await mkdtemp(join(tmpdir(), "executus-attach-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, "notes.md"), "# Notes");
    const models = scriptedModel([{ text: "ok" }]);
    const executor = createExecutor({ models });
    const agent = makeAgent([]);
    await executor.run(agent, { attachments: [{ path: join(folder, "notes.md") }] });
    expect(JSON.stringify(models.calls[0]?.messages)).toContain("file-1: notes.md (text/markdown, 7 bytes)");
    const local = await executor.run(agent, { attachments: [{ url: "http://127.0.0.1:1/x" }] });
    expect(local.error).toMatchObject({ code: "url_refused" });
  });

  it("have no secrets when they are texts", async () => {
    const script = [read({ file: "file-1" }), { text: "ok" }];
    const world = await run(script, { attachments: [{ text: "the key is canary-123" }] }, { secrets: ["canary-123"] });
    expect(resultsOf(world.models.calls[1])).toEqual(["attachment-1 (file-1), characters 0 to 21 of 21:\nthe key is [redacted]"]);
    const [started] = await world.store.journal.read("r");
    const hash = started?.type === "run.started" ? (started.request.attachments?.[0]?.data.hash ?? "") : "";
    expect(Buffer.from(await world.blobs.get(hash)).toString()).toBe("the key is [redacted]");
  });
});

describe("the tool that reads files", () => {
  it("reads long ones in pieces, and never half a character", async () => {
    const text = "😀".repeat(20);
    const script = [read({ file: "file-1", length: 21 }), read({ file: "file-1", offset: 22, length: 60_000 }), { text: "ok" }];
    const world = await run(script, { attachments: [{ text, name: "smile" }] });
    expect(resultsOf(world.models.calls[2])).toEqual([
      `smile (file-1), characters 0 to 22 of 40:\n${"😀".repeat(11)}\n[18 characters left: go on with offset 22]`,
      `smile (file-1), characters 22 to 40 of 40:\n${"😀".repeat(9)}`,
    ]);
  });

  it("knows only the files of this run, and says which they are", async () => {
    const script = [read({ file: "file-2" }), read({ file: "../../etc/passwd" }), read({ offset: -1 }), { text: "ok" }];
    const world = await run(script, { attachments: [{ text: "x", name: "a.txt" }] });
    expect(resultsOf(world.models.calls[3])).toEqual([
      "This run has no file file-2. Did you mean file-1? Its files: file-1 (a.txt).",
      "This run has no file ../../etc/passwd. Its files: file-1 (a.txt).",
      expect.stringContaining("`file` must be"),
    ]);
  });

  it("S23 comes with the first result that was too long to be shown whole, and reads it on", async () => {
    const page = "0123456789".repeat(3_000);
    const long = makeTool("long", async () => page, { effect: "read", outputBytes: 10_000 });
    const parts = makeTool("parts", async () => 0, {
      effect: "read",
      outputBytes: 1_000,
      toOutput: () => ({
        type: "content",
        value: [
          { type: "text", text: "short" },
          { type: "text", text: page },
          { type: "text", text: page },
        ],
      }),
    });
    const world = createWorld(
      [
        { calls: [{ name: "long" }, { name: "parts" }] },
        read({ file: "result-0.0", offset: 29_995 }),
        read({ file: "result-0.1-1", offset: 5, length: 3 }),
        { text: "ok" },
      ],
      {},
    );
    await world.clock.until(world.executor.run(makeAgent([long, parts]), { input: "go", id: "r" }));
    const [, second, , last] = world.models.calls;
    expect(world.models.calls.map(({ tools }) => tools.length)).toEqual([2, 3, 3, 3]);
    expect(String(resultsOf(second)[0])).toMatch(/read on with read_attachment, file result-0\.0, offset 10000\]$/);
    expect(resultsOf(last).slice(2)).toEqual([
      "result-0.0, characters 29995 to 30000 of 30000:\n56789",
      "result-0.1-1, characters 5 to 8 of 30000:\n567\n[29992 characters left: go on with offset 8]",
    ]);
  });

  it("gives way to an agent's own tool of that name", async () => {
    const own = makeTool("read_attachment", async () => "mine");
    const world = createWorld([read({ file: "x" }), { text: "ok" }]);
    await world.clock.until(world.executor.run(makeAgent([own]), { input: "go", attachments: [{ text: "x" }] }));
    expect(resultsOf(world.models.calls[1])).toEqual(["mine"]);
    expect(world.models.calls[0]?.tools).toHaveLength(1);
  });
});

describe("a tool", () => {
  it("S12 puts images into the running conversation, once", async () => {
    const camera = makeTool("camera", async (_input, context) => {
      await context.attachImages([{ bytes: PNG, filename: "now.png" }]);
      return "taken";
    });
    const world = createWorld([{ calls: [{ name: "camera" }] }, { text: "a cat" }]);
    await world.clock.until(world.executor.run(makeAgent([camera]), { input: "look", id: "r" }));
    const told = world.models.calls[1]?.messages.at(-1);
    expect(told).toMatchObject({ role: "user", content: [{ type: "file", mediaType: "image/png", filename: "now.png" }] });
    expect(told?.content).toHaveLength(1);
  });

  it("S12 is told when what it attaches is no image", async () => {
    const wrong = makeTool("wrong", async (_input, context) => context.attachImages([{ bytes: PDF }]));
    const world = createWorld([{ calls: [{ name: "wrong" }] }, { text: "ok" }]);
    await world.clock.until(world.executor.run(makeAgent([wrong]), "look"));
    expect(resultsOf(world.models.calls[1])).toEqual(["an image is application/pdf, and no image that models take"]);
  });

  it("S30 leaves files on the result, once per name, and they can be read back", async () => {
    const write = makeTool("write", async (input, context) => {
      await context.addArtifact({ name: "report.md", mediaType: "text/markdown", content: `# ${JSON.stringify(input)}` });
      await context.addArtifact({ name: "raw.bin", content: new Uint8Array([1, 2, 3]) });
      return "written";
    });
    const script: Script = [{ calls: [{ name: "write", input: 1 }] }, { calls: [{ name: "write", input: 2 }] }, { text: "ok" }];
    const world = createWorld(script);
    const result = await world.clock.until(world.executor.run(makeAgent([write]), { input: "go", id: "r" }));
    expect(result.artifacts.map(({ name, mediaType, data }) => [name, mediaType, data.bytes])).toEqual([
      ["report.md", "text/markdown", 3],
      ["raw.bin", "application/octet-stream", 3],
    ]);
    expect(Buffer.from(await world.blobs.get(result.artifacts[0]?.data.hash ?? "")).toString()).toBe("# 2");
    const events = await world.store.journal.read("r");
    expect(events.find(({ type }) => type === "artifact.added")).toMatchObject({ call: "0.0" });
  });
});
