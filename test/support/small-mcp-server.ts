/** An MCP server with two tools on two pages, whose wording is given on the command line. */
import { createInterface } from "node:readline";

const [, , wording = "Says something."] = process.argv;
const tool = (name: string) => ({
  name,
  description: wording,
  inputSchema: { type: "object" },
  annotations: { readOnlyHint: true },
});

interface Call {
  readonly id?: number;
  readonly method: string;
  readonly params?: { readonly cursor?: string; readonly protocolVersion?: string };
}

function answer({ method, params }: Call): object {
  switch (method) {
    case "initialize":
      return {
        protocolVersion: params?.protocolVersion,
        capabilities: { tools: {} },
        serverInfo: { name: "small", version: "1" },
      };
    case "tools/list":
      return params?.cursor === undefined ? { tools: [tool("one")], nextCursor: "2" } : { tools: [tool("two")] };
    default:
      return { content: [{ type: "text", text: "said" }] };
  }
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const call = JSON.parse(line) as Call;
  if (call.id !== undefined) console.log(JSON.stringify({ jsonrpc: "2.0", id: call.id, result: answer(call) }));
});
