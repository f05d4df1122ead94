/**
 * A model server that misbehaves on demand: it passes requests on to another one and breaks the answer, or answers itself.
 *
 * Faults are queued; each request takes the next one, and a request that finds none is passed on untouched.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type Fault =
  | { readonly type: "none" }
  /** An answer of our own; `body` is sent as it is. */
  | {
      readonly type: "reply";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** Accept the request and never answer. */
  | { readonly type: "stall" }
  /** Send the upstream's events up to `before`, then end the body, reset the connection, or fall silent. */
  | { readonly type: "break"; readonly before: number | RegExp; readonly by: "eof" | "reset" | "stall" }
  /** Send `event` in front of the upstream's event `before`. */
  | { readonly type: "insert"; readonly before: number | RegExp; readonly event: string }
  /** Pass every event of the upstream through `change`. */
  | { readonly type: "rewrite"; readonly change: (event: string) => string }
  /** An event stream of our own. */
  | { readonly type: "events"; readonly events: readonly string[]; readonly by?: "eof" | "reset" | "stall" };

export interface SeenRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: unknown;
}

export interface FaultServer extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly SeenRequest[];
  /** Resolves when the first stalled answer has fallen silent. */
  readonly stalled: Promise<void>;
  /** Resolves when the client of a stalled answer has gone away. */
  readonly stalledClientGone: Promise<void>;
  fail(...faults: readonly Fault[]): void;
}

/** `upstream` is the base URL of the server that answers properly; without it only own answers can be given. */
export async function startFaultServer(upstream?: string): Promise<FaultServer> {
  const requests: SeenRequest[] = [];
  const faults: Fault[] = [];
  const silent = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readBody(request);
    requests.push({ path: request.url ?? "", headers: request.headers, body: body === "" ? undefined : JSON.parse(body) });
    const fault = faults.shift() ?? { type: "none" };
    const isStall = fault.type === "stall" || ("by" in fault && fault.by === "stall");
    if (isStall) response.on("close", () => gone.resolve());
    await answer(fault, response, async () => {
      const { host: _host, connection: _connection, "content-length": _length, ...headers } = request.headers;
      return fetch(`${upstream ?? ""}${request.url ?? ""}`, { method: "POST", headers: headers as Record<string, string>, body });
    });
    if (isStall) silent.resolve();
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    stalled: silent.promise,
    stalledClientGone: gone.promise,
    fail: (...more) => void faults.push(...more),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(fault: Fault, response: ServerResponse, forward: () => Promise<Response>): Promise<void> {
  switch (fault.type) {
    case "stall":
      return;
    case "reply":
      response.writeHead(fault.status, { "content-type": "application/json", ...fault.headers }).end(fault.body);
      return;
    case "events":
      await sendEvents(response, fault.events);
      finish(response, fault.by ?? "eof");
      return;
    case "none":
      await sendEvents(response, await eventsOf(await forward()));
      response.end();
      return;
    case "rewrite":
      await sendEvents(response, (await eventsOf(await forward())).map(fault.change));
      response.end();
      return;
    case "break": {
      const events = await eventsOf(await forward());
      await sendEvents(response, events.slice(0, indexOf(events, fault.before)));
      finish(response, fault.by);
      return;
    }
    case "insert": {
      const events = await eventsOf(await forward());
      await sendEvents(response, events.toSpliced(indexOf(events, fault.before), 0, fault.event));
      response.end();
      return;
    }
  }
}

function indexOf(events: readonly string[], before: number | RegExp): number {
  const index = typeof before === "number" ? before : events.findIndex((event) => before.test(event));
  if (index < 0 || index > events.length) throw new Error(`no event ${String(before)} in a stream of ${events.length}`);
  return index;
}

async function eventsOf(response: Response): Promise<readonly string[]> {
  const text = await response.text();
  if (!response.ok) throw new Error(`the upstream server answered ${response.status}: ${text}`);
  return text.split("\n\n").filter((event) => event.trim() !== "");
}

async function sendEvents(response: ServerResponse, events: readonly string[]): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.flushHeaders();
  for (const event of events) await new Promise<void>((resolve) => response.write(`${event}\n\n`, () => resolve()));
}

function finish(response: ServerResponse, by: "eof" | "reset" | "stall"): void {
  if (by === "eof") response.end();
  else if (by === "reset") response.socket?.resetAndDestroy();
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  return body;
}
