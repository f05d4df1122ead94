/** Requests of delivery adapters, and what the answers mean for the delivery. */
import { retryAfterMs } from "../../kernel/retry-after.ts";
import type { DeliveryReport } from "../../ports/delivery.ts";
import { guardedFetch } from "../net/guarded-fetch.ts";
import { withoutSecrets } from "./credentials.ts";

export interface HttpRequest {
  readonly method?: "GET" | "POST" | "PATCH";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal: AbortSignal;
  /**
   * `configuration`: whoever runs this process chose the address, which may be private. Otherwise somebody else did: only the open
   * internet and these hosts are reached.
   */
  readonly from: "configuration" | { readonly allowedHosts: readonly string[] };
  /** Never to appear in an error. */
  readonly secrets: readonly string[];
}

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
  readonly header: (name: string) => string | undefined;
}

/** Of an answer, more than anybody's error message. */
const MOST_BYTES = 5 * 1024 * 1024;

/** Redirects are answers: what is sent may be signed, and says where it was meant to go. Rejects when there is no answer. */
export async function send({ url, from, secrets, ...request }: HttpRequest): Promise<HttpAnswer> {
  const allowedHosts = from === "configuration" ? [new URL(url).host] : from.allowedHosts;
  try {
    const { status, headers, bytes } = await guardedFetch(url, { ...request, allowedHosts, redirects: 0, maxBytes: MOST_BYTES });
    const header = (name: string): string | undefined => {
      const value = headers[name];
      return Array.isArray(value) ? value[0] : value;
    };
    return { status, text: withoutSecrets(Buffer.from(bytes).toString("utf8"), secrets), header };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(withoutSecrets(message, [url, new URL(url).pathname, ...secrets]), { cause: error });
  }
}

export function isSuccess({ status }: HttpAnswer): boolean {
  return status >= 200 && status < 300;
}

export interface Judgement {
  /** Statuses below 500 after which another attempt is of no use; default all but 408, 425 and 429. */
  readonly isPermanent?: (status: number) => boolean;
  /** Default: 410. */
  readonly isGone?: (status: number) => boolean;
}

export type Failure = Extract<DeliveryReport, { readonly outcome: "failed" }>;

/** An answer that is no success. */
export function toFailure(answer: HttpAnswer, judgement: Judgement = {}): Failure {
  const { isPermanent = isRefusal, isGone = (status) => status === 410 } = judgement;
  const { status, text, header } = answer;
  const said = text.replaceAll(/\s+/g, " ").trim().slice(0, 200);
  const error = said === "" ? `the answer was ${status}` : `the answer was ${status}: ${said}`;
  if (isGone(status)) return { outcome: "failed", error, gone: true };
  const waitMs = retryAfterMs({ "retry-after": header("retry-after") }, Date.now());
  if (waitMs !== undefined) return { outcome: "failed", error, retryAfterMs: waitMs };
  return isPermanent(status) ? { outcome: "failed", error, permanent: true } : { outcome: "failed", error };
}

function isRefusal(status: number): boolean {
  return status >= 300 && status < 500 && ![408, 425, 429].includes(status);
}

/** JSON of an answer; undefined when it is none. */
export function jsonOf({ text }: HttpAnswer): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A field of something that came from outside. */
export function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

export function textField(value: unknown, name: string): string | undefined {
  const found = field(value, name);
  return typeof found === "string" ? found : typeof found === "number" ? String(found) : undefined;
}
