/** An MCP server that does not do what it should: `no-list`, or tools that hang, flood and outlive what they belong to. */
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

const [, , oddity = "", file] = process.argv;
if (file !== undefined) writeFileSync(file, String(process.pid));
if (oddity === "outlives") setInterval(() => {}, 1_000);

const tool = (name: string) => ({
  name,
  description: name,
  inputSchema: { type: "object" },
  annotations: { readOnlyHint: true },
});

interface Call {
  readonly id?: number;
  readonly method: string;
  readonly params?: {
    readonly protocolVersion?: string;
    readonly name?: string;
    readonly arguments?: { readonly bytes?: number };
  };
}

function answer({ method, params }: Call): object | undefined {
  if (method === "initialize") {
    const serverInfo = { name: "odd", version: "1" };
    return { protocolVersion: params?.protocolVersion, capabilities: { tools: {} }, serverInfo };
  }
  if (method === "tools/list") return oddity === "no-list" ? undefined : { tools: [tool("hang"), tool("flood"), tool("say")] };
  if (params?.name === "hang") return undefined;
  const text = params?.name === "flood" ? "x".repeat(params.arguments?.bytes ?? 0) : "said";
  return { content: [{ type: "text", text }] };
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const call = JSON.parse(line) as Call;
  const result = call.id === undefined ? undefined : answer(call);
  if (result !== undefined) console.log(JSON.stringify({ jsonrpc: "2.0", id: call.id, result }));
});
