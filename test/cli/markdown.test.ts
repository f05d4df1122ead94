/** A Markdown agent with the built-in file tools, on a model server that speaks OpenAI's chat format over real HTTP. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createCliFolder, type CliFolder } from "./cli-folder.ts";

let folder: CliFolder;
let server: Server;
let answer: (request: ChatRequest) => object | number;
let env: Record<string, string>;

interface ChatRequest {
  readonly messages: readonly { readonly role: string; readonly content: unknown }[];
}

beforeEach(async () => {
  folder = await createCliFolder();
  await mkdir(join(folder.path, "agents"));
  await writeFile(
    join(folder.path, "agents", "reader.md"),
    "---\ndescription: Reads.\ntools: read_file, append_file\n---\nRead what you are asked to.\n",
  );
  await writeFile(join(folder.path, "notes.txt"), "The kettle is on the shelf.\n");
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const said = answer(JSON.parse(Buffer.concat(chunks).toString()) as ChatRequest);
      if (typeof said === "number")
        return response.writeHead(said, { "content-type": "application/json" }).end('{"error":{"message":"bad key"}}');
      response.writeHead(200, { "content-type": "text/event-stream" });
      const finish = "tool_calls" in said ? "tool_calls" : "stop";
      const usage = { prompt_tokens: 20, completion_tokens: 4, total_tokens: 24 };
      for (const part of [
        { choices: [{ index: 0, delta: { role: "assistant", ...said } }] },
        { choices: [{ index: 0, delta: {}, finish_reason: finish }], usage },
      ]) {
        response.write(
          `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", ...part })}\n\n`,
        );
      }
      response.end("data: [DONE]\n\n");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  env = { EXECUTUS_BASE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, EXECUTUS_MODEL: "tiny" };
});

afterEach(async () => {
  await folder[Symbol.asyncDispose]();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function toolCall(name: string, input: object): object {
  return { tool_calls: [{ index: 0, id: "t1", type: "function", function: { name, arguments: JSON.stringify(input) } }] };
}

function lastOf({ messages }: ChatRequest): string {
  return JSON.stringify(messages.at(-1)?.content);
}

it("reads files below the current folder and answers", async () => {
  answer = (request) =>
    request.messages.length < 4 ? toolCall("read_file", { path: "notes.txt" }) : { content: `It says ${lastOf(request)}` };
  const { code, stdout, stderr } = await folder.run(["run", "reader", "Where is the kettle?"], { env });
  expect(stdout).toBe('It says "The kettle is on the shelf."\n');
  expect(stderr).toContain("local/tiny");
  expect(code).toBe(0);
});

it("shows what a model refuses for its key, and ends with 6", async () => {
  answer = () => 401;
  const { code, stderr } = await folder.run(["run", "reader", "hello"], { env });
  expect(stderr).toContain("bad key");
  expect(code).toBe(6);
});

it("is resumed elsewhere without its file, on the models and in the folder it began with", async () => {
  let asked = (): void => {};
  const isAsked = new Promise<void>((resolve) => (asked = resolve));
  answer = (request) => {
    if (request.messages.length < 4) return toolCall("append_file", { path: "out.txt", text: "noted" });
    asked();
    return 503;
  };
  const first = folder.start(["run", "reader", "Note it."], { env });
  await isAsked;
  first.child.kill("SIGKILL");
  await first.ended;
  await writeFile(join(folder.path, "agents", "reader.md"), "---\nnothing: fits\n---\n");
  answer = (request) =>
    request.messages.length < 6 ? toolCall("read_file", { path: "out.txt" }) : { content: `It says ${lastOf(request)}` };
  const elsewhere = join(folder.path, "agents");
  const db = ["--db", "../.executus/executus.db"];
  const unable = await folder.run(["resume", ...db], { cwd: elsewhere });
  expect(unable.code).toBe(6);
  expect(unable.stderr).toContain("EXECUTUS_BASE_URL");
  const { code, stdout } = await folder.run(["resume", ...db], { cwd: elsewhere, env });
  expect([code, stdout]).toEqual([0, 'It says "noted"\n']);
  expect(await readFile(join(folder.path, "out.txt"), "utf8")).toBe("noted\n");
});
