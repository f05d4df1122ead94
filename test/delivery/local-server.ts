/** A server on this machine that remembers what it was asked, and answers as a test says. */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Delivery, DeliveryMessage, DeliveryTarget } from "../../src/ports/delivery.ts";

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly json: Record<string, unknown>;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Never answers. */
  readonly hangs?: boolean;
}

export interface LocalServer extends AsyncDisposable {
  readonly url: string;
  readonly host: string;
  readonly asked: Asked[];
}

export async function localServer(answer: (asked: Asked) => Answer): Promise<LocalServer> {
  const asked: Asked[] = [];
  const server: Server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const body = Buffer.concat(parts).toString("utf8");
      const one = { method: request.method ?? "", path: request.url ?? "", headers: request.headers, body, json: toJson(body) };
      asked.push(one);
      const { status = 200, headers = {}, body: said = "ok", hangs = false } = answer(one);
      if (hangs) return;
      response.writeHead(status, headers).end(typeof said === "string" ? said : JSON.stringify(said));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `http://${host}`,
    host,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function toJson(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

export function messageOf(output: string, more: Partial<DeliveryMessage["data"]> = {}): DeliveryMessage {
  const data = { run: "r", agent: "clerk", output, steps: 1, toolCalls: 0, tokens: 10, costUsd: 0.01, activeMs: 5 };
  const status = more.status ?? "completed";
  return { type: `run.${status}`, timestamp: "2026-01-01T00:00:00.000Z", data: { ...data, status, ...more } };
}

export function deliveryOf(target: DeliveryTarget, output = "15 mugs.", more: Partial<Delivery> = {}): Delivery {
  const message = more.message ?? messageOf(output);
  return { id: "r.d0", run: "r", target, message, body: JSON.stringify(message), attempt: 1, ...more };
}

export const patience = (): AbortSignal => new AbortController().signal;
