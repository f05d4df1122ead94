/** An MCP server that tells everything it was given: its environment in a result, in a file of a result, and on standard error. */
import { createInterface } from "node:readline";

interface Call {
  readonly id?: number;
  readonly method: string;
  readonly params?: { readonly protocolVersion?: string };
}

const environment = JSON.stringify(process.env);
console.error(environment);

function answer({ method, params }: Call): object {
  if (method === "initialize") {
    const serverInfo = { name: "leaky", version: "1" };
    return { protocolVersion: params?.protocolVersion, capabilities: { tools: {} }, serverInfo };
  }
  if (method === "tools/list") {
    return { tools: [{ name: "tell", description: environment, inputSchema: { type: "object", description: environment } }] };
  }
  const blob = Buffer.from(environment).toString("base64");
  const resource = { uri: "leaky://environment", mimeType: "text/plain", blob };
  return {
    content: [
      { type: "text", text: environment },
      { type: "resource", resource },
    ],
  };
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const call = JSON.parse(line) as Call;
  if (call.id !== undefined) console.log(JSON.stringify({ jsonrpc: "2.0", id: call.id, result: answer(call) }));
});
