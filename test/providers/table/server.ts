/** A model server that gives each run the replies of its case: the first part of the path says which case it is. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

/** What is sent back to one request. */
export type Reply =
  | {
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
      /** Written one after the other; `pause` ms between them. */
      readonly pieces: readonly (string | Buffer)[];
      readonly pauseMs?: number;
      /** How it ends. `stall`: it never does. Default `eof`. */
      readonly by?: "eof" | "reset" | "stall";
    }
  /** Nothing at all, not even a status. */
  | { readonly silent: "stall" | "reset" };

export interface CaseServer extends AsyncDisposable {
  readonly url: string;
  /** Bodies of the requests of a case, in order. */
  requestsOf(id: string): readonly unknown[];
}

export async function startCaseServer(replies: (id: string, request: number) => Reply): Promise<CaseServer> {
  const requests = new Map<string, unknown[]>();
  const server = createServer((request, response) => {
    const id = request.url?.split("/")[1] ?? "";
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const seen = requests.get(id) ?? [];
      requests.set(id, seen);
      seen.push(JSON.parse(Buffer.concat(chunks).toString()));
      send(response, replies(id, seen.length - 1)).catch(() => response.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requestsOf: (id) => requests.get(id) ?? [],
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function send(response: ServerResponse, reply: Reply): Promise<void> {
  if ("silent" in reply) return leave(response, reply.silent);
  const { status = 200, headers = { "content-type": "text/event-stream" }, pieces, pauseMs, by = "eof" } = reply;
  response.writeHead(status, headers);
  response.flushHeaders();
  for (const piece of pieces) {
    if (response.destroyed) return;
    await new Promise<void>((resolve) => response.write(piece, () => resolve()));
    if (pauseMs !== undefined) await pause(pauseMs);
  }
  leave(response, by);
}

function leave(response: ServerResponse, by: "eof" | "reset" | "stall"): void {
  if (by === "eof") response.end();
  if (by === "reset") response.socket?.resetAndDestroy();
}
