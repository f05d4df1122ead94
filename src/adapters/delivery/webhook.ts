/**
 * Webhooks as Standard Webhooks 1.0 has them: signed, with a stable id, the same bytes in every attempt, no redirects, 2xx or failed,
 * 410 closes.
 */
import { ExecutusError, isExecutusError } from "../../kernel/errors.ts";
import type { Delivery, DeliveryAdapter, DeliveryReport, DeliveryTarget } from "../../ports/delivery.ts";
import { type CredentialOptions, credentialOf } from "./credentials.ts";
import { type HttpAnswer, isSuccess, send, toFailure } from "./http.ts";

export interface WebhookOptions extends CredentialOptions {
  /** Endpoints by name, for targets that say `{ kind: "webhook", id: NAME }`. They may be private; their credential is named like them. */
  readonly endpoints?: Readonly<Record<string, string>>;
  /** URLs of requests: `false` takes none. Default: public addresses, and hosts (`name` or `name:port`) that are listed here. */
  readonly urls?: false | { readonly allowedHosts: readonly string[] };
}

/**
 * The credential is one or, while they are changed, two `whsec_` secrets with a space between them: each signs.
 *
 * @example
 * delivery: { adapters: [webhook({ endpoints: { orders: "https://example.com/hooks" } })] }
 */
export function webhook(options: WebhookOptions = {}): DeliveryAdapter {
  return {
    kind: "webhook",
    check: (target) => {
      addressOf(target, options);
      for (const secret of secretsOf(target, options)) checkSecret(secret);
    },
    deliver: (delivery, signal) => deliver(delivery, options, signal),
  };
}

interface Address {
  readonly url: string;
  readonly from: "configuration" | { readonly allowedHosts: readonly string[] };
}

function addressOf({ id, url = "" }: DeliveryTarget, { endpoints = {}, urls = { allowedHosts: [] } }: WebhookOptions): Address {
  if (id !== undefined) return { url: endpointOf(id, endpoints), from: "configuration" };
  if (urls === false) throw invalid("this executor takes no webhook URLs from requests", "Give the `id` of an endpoint.");
  const protocol = URL.parse(url)?.protocol ?? "";
  if (protocol === "https:" || protocol === "http:") return { url, from: urls };
  throw invalid(
    `a webhook needs a http or https \`url\`, or the \`id\` of an endpoint, not ${JSON.stringify(url.slice(0, 100))}`,
  );
}

function endpointOf(id: string, endpoints: Readonly<Record<string, string>>): string {
  const url = Object.hasOwn(endpoints, id) ? endpoints[id] : undefined;
  if (url !== undefined) return url;
  throw invalid(`there is no webhook endpoint ${id}`, `There are: ${Object.keys(endpoints).join(", ") || "none"}.`);
}

function secretsOf(target: DeliveryTarget, options: WebhookOptions): readonly string[] {
  const credential = target.credential ?? target.id;
  return credentialOf({ ...target, ...(credential === undefined ? {} : { credential }) }, options)
    .trim()
    .split(/\s+/);
}

function checkSecret(secret: string): void {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  if (secret.startsWith("whsec_") && key.length >= 24 && key.length <= 64) return;
  throw invalid("a webhook secret is `whsec_` and 24 to 64 bytes in base64", "Make one: executus webhook secret");
}

function invalid(message: string, hint?: string): ExecutusError {
  return new ExecutusError("request_invalid", message, hint === undefined ? {} : { hint });
}

async function deliver(delivery: Delivery, options: WebhookOptions, signal: AbortSignal): Promise<DeliveryReport> {
  const { url, from } = addressOf(delivery.target, options);
  const secrets = secretsOf(delivery.target, options);
  const at = new Date();
  const headers = {
    "content-type": "application/json",
    "user-agent": "executus",
    "webhook-id": delivery.id,
    "webhook-timestamp": String(Math.floor(at.getTime() / 1_000)),
    "webhook-signature": await sign(delivery, secrets, at),
  };
  let answer: HttpAnswer;
  try {
    answer = await send({ method: "POST", url, headers, body: delivery.body, signal, from, secrets });
  } catch (error) {
    // An address that must not be reached will not become one that may.
    if (!(error instanceof Error) || !isExecutusError(error.cause) || error.cause.code !== "url_refused") throw error;
    return { outcome: "failed", error: error.message, permanent: true };
  }
  if (isSuccess(answer)) return { outcome: "delivered", receipt: { status: answer.status } };
  return toFailure(answer, { isPermanent: () => false });
}

async function sign({ id, body }: Delivery, secrets: readonly string[], at: Date): Promise<string> {
  const { Webhook } = await import("standardwebhooks");
  return secrets.map((secret) => new Webhook(secret).sign(id, at, body)).join(" ");
}
