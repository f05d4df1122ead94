/**
 * Requests to addresses that somebody else chose: attachments by URL, webhooks.
 *
 * N1 Only public addresses are reached, unless the host is on the caller's list. A name is checked inside the connection's own
 *    lookup, so what was checked is what is connected to; every answer of a name must be public.
 * N2 An address written as a number is checked as the address it is, because for it no lookup takes place.
 * N3 Every hop of a redirect is checked like the first; headers of the caller stay with the origin they were meant for.
 * N4 Time and bytes are bounded, whatever the server does.
 */
import type { LookupAddress } from "node:dns";
import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { isIP, type LookupFunction, type Socket } from "node:net";
import { callbackify } from "node:util";
import { ExecutusError } from "../../kernel/errors.ts";
import { isPublicAddress } from "./public-address.ts";

export interface GuardedFetchOptions {
  /** Default GET. */
  readonly method?: "GET" | "POST" | "PUT" | "PATCH";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal;
  /** For all of it, redirects included; default 30,000. */
  readonly timeoutMs?: number;
  /** Of the answer's body; default 25 MiB. */
  readonly maxBytes?: number;
  /** Redirects that a GET follows; default 5. Other methods follow none: their 3xx is the answer. */
  readonly redirects?: number;
  /** Default http and https. */
  readonly protocols?: readonly ("http:" | "https:")[];
  /** Hosts (`name`, `name:port`, `127.0.0.1:8080`) that may be reached although they are not public. */
  readonly allowedHosts?: readonly string[];
  /** All addresses of a name; default: the system's resolver. */
  readonly resolve?: Resolve;
}

export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>;

export interface GuardedResponse {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly bytes: Uint8Array;
  /** Where the answer came from, after redirects. */
  readonly url: string;
}

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_MAX_BYTES = 25 * 1024 * 1024;
const DEFAULT_REDIRECTS = 5;

/**
 * Any status is an answer, for the caller to judge. Rejects with ExecutusError `url_refused` (not an address that may be
 * reached), `url_too_large`, or `url_failed` (no connection, no answer in time; retryable), and with the reason of `signal`.
 *
 * @example
 * const { status, bytes } = await guardedFetch("https://example.org/report.pdf", { maxBytes: 1_000_000 });
 */
export async function guardedFetch(address: string, options: GuardedFetchOptions = {}): Promise<GuardedResponse> {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]);
  const method = options.method ?? "GET";
  const first = parse(address, options);
  let url = first;
  for (let left = options.redirects ?? DEFAULT_REDIRECTS; ; left--) {
    const headers = url.origin === first.origin ? options.headers : undefined;
    const hop = { url, method, headers, signal, timeoutMs };
    const response = await once(hop, options);
    const location = method === "GET" ? redirectOf(response) : undefined;
    if (location === undefined) return response;
    if (left <= 0) throw refused(url, "it redirects too often");
    url = parse(location, options, url);
  }
}

function redirectOf({ status, headers }: GuardedResponse): string | undefined {
  return status >= 300 && status <= 399 ? headers.location : undefined;
}

interface Hop {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

// --- what may be asked ------------------------------------------------------------------------------------------------

function parse(address: string, options: GuardedFetchOptions, base?: URL): URL {
  const url = URL.parse(address, base?.href);
  if (url === null) throw new ExecutusError("url_refused", `${shorten(address)} is not a URL`);
  const protocols: readonly string[] = options.protocols ?? ["http:", "https:"];
  if (!protocols.includes(url.protocol)) throw refused(url, `only ${protocols.join(" and ").replaceAll(":", "")} is allowed`);
  if (url.username !== "" || url.password !== "") throw refused(url, "it carries a user name or a password");
  const literal = url.hostname.replace(/^\[|\]$/g, "");
  if (isIP(literal) !== 0 && !isAllowed(url, options) && !isPublicAddress(literal)) throw refused(url, notPublic(literal));
  return url;
}

function isAllowed(url: URL, { allowedHosts = [] }: GuardedFetchOptions): boolean {
  return allowedHosts.some((host) => host === url.host || host === url.hostname);
}

function notPublic(address: string): string {
  return `${address} is not an address of the open internet`;
}

function refused(url: URL, why: string): ExecutusError {
  const hint = "If it is meant to be reached, put its host on the list of allowed hosts.";
  return new ExecutusError("url_refused", `${shown(url)} may not be reached: ${why}`, { hint });
}

/** Without the parts that may hold secrets. */
function shown(url: URL): string {
  return shorten(`${url.protocol}//${url.host}${url.pathname}`);
}

function shorten(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}

// --- one request ------------------------------------------------------------------------------------------------------

async function once(hop: Hop, options: GuardedFetchOptions): Promise<GuardedResponse> {
  const { url, signal } = hop;
  try {
    const message = await send(hop, options);
    const bytes = await readAtMost(message, url, options.maxBytes ?? DEFAULT_MAX_BYTES);
    return { status: message.statusCode ?? 0, headers: message.headers, bytes, url: url.href };
  } catch (error) {
    if (options.signal?.aborted === true) throw options.signal.reason;
    if (error instanceof ExecutusError) throw error;
    const why = signal.aborted ? `no answer within ${hop.timeoutMs} ms` : messageOf(error);
    throw new ExecutusError("url_failed", `${shown(url)} could not be reached: ${why}`, { cause: error, retryable: true });
  }
}

async function send(hop: Hop, options: GuardedFetchOptions): Promise<IncomingMessage> {
  const { url, method, signal } = hop;
  const isTrusted = isAllowed(url, options);
  const settings: RequestOptions = {
    method,
    // Bytes are counted as they come, so they must not grow when they are unpacked.
    headers: { "accept-encoding": "identity", "user-agent": "executus", ...hop.headers },
    // A connection of its own: one that was kept open would not be looked up again.
    agent: false,
    lookup: guardedLookup(options.resolve ?? systemResolve, isTrusted ? () => true : isPublicAddress),
    signal,
  };
  const request = url.protocol === "https:" ? (await import("node:https")).request : httpRequest;
  return new Promise((resolve, reject) => {
    const sent = request(url, settings, resolve);
    sent.on("error", reject);
    sent.on("socket", (socket) => whenConnected(socket, () => isTrusted || sent.destroyed || checkPeer(socket, url)));
    sent.end(options.body);
  });
}

function whenConnected(socket: Socket, then: () => unknown): void {
  if (socket.connecting) socket.once("connect", then);
  else then();
}

/** What was resolved has been checked; this is for whatever may one day connect without resolving. */
function checkPeer(socket: Socket, url: URL): void {
  const peer = socket.remoteAddress;
  if (peer === undefined || !isPublicAddress(peer)) socket.destroy(refused(url, notPublic(String(peer))));
}

async function systemResolve(hostname: string): Promise<readonly LookupAddress[]> {
  const { lookup } = await import("node:dns/promises");
  return lookup(hostname, { all: true });
}

/** A lookup for a connection that fails unless every answer is allowed. */
export function guardedLookup(resolve: Resolve, isGood: (address: string) => boolean): LookupFunction {
  const answer = callbackify(async (hostname: string) => {
    const found = await resolve(hostname);
    const bad = found.find(({ address }) => !isGood(address));
    if (bad !== undefined) throw refused(new URL(`http://${hostname}`), notPublic(bad.address));
    return found;
  });
  return (hostname, options, callback) => {
    answer(hostname, (error, found) => {
      const one = error === null ? found[0] : undefined;
      if (one === undefined) callback(error ?? new Error(`${hostname} has no address`), "");
      else if (options.all === true) callback(null, [...found]);
      else callback(null, one.address, one.family);
    });
  };
}

async function readAtMost(message: IncomingMessage, url: URL, most: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const isTooLong = Number(message.headers["content-length"] ?? 0) > most;
  for await (const chunk of isTooLong ? [] : (message as AsyncIterable<Uint8Array>)) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > most) break;
  }
  if (!isTooLong && length <= most) return Buffer.concat(chunks, length);
  message.destroy();
  throw new ExecutusError("url_too_large", `the answer of ${shown(url)} is longer than ${most} bytes`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
