/** Discord: a channel's webhook. What is longer than a message comes as a file beside its beginning. */
import type { Delivery, DeliveryAdapter, DeliveryReport } from "../../ports/delivery.ts";
import { type CredentialOptions, credentialOf } from "./credentials.ts";
import { field, type HttpAnswer, isSuccess, jsonOf, send, textField, toFailure } from "./http.ts";
import { fitText, textOf, withoutEverybody } from "./message-text.ts";

const MOST_CHARACTERS = 2_000;

/**
 * The credential is the webhook's URL; `options.thread` the thread to post in. A webhook cannot read: an attempt that arrived without
 * being heard of is posted again.
 *
 * @example
 * delivery: { adapters: [discord()] }   // request: { delivery: { kind: "discord", credential: "team" } }
 */
export function discord(options: CredentialOptions = {}): DeliveryAdapter {
  return {
    kind: "discord",
    check: (target) => void new URL(credentialOf(target, options)),
    deliver: (delivery, signal) => deliver(delivery, credentialOf(delivery.target, options), signal),
  };
}

async function deliver(delivery: Delivery, hook: string, signal: AbortSignal): Promise<DeliveryReport> {
  const url = new URL(hook);
  url.searchParams.set("wait", "true");
  const thread = delivery.target.options?.["thread"];
  if (typeof thread === "string") url.searchParams.set("thread_id", thread);
  const { headers, body } = await toRequest(delivery);
  const secrets = [hook, url.pathname];
  const answer = await send({ method: "POST", url: url.href, headers, body, signal, from: "configuration", secrets });
  if (!isSuccess(answer)) return toDiscordFailure(answer);
  const posted = jsonOf(answer);
  return {
    outcome: "delivered",
    receipt: { message: textField(posted, "id") ?? "", channel: textField(posted, "channel_id") ?? "" },
  };
}

async function toRequest({
  message,
}: Delivery): Promise<{ readonly headers: Readonly<Record<string, string>>; readonly body: string | Uint8Array }> {
  const whole = textOf(message);
  const content = fitText(withoutEverybody(whole), MOST_CHARACTERS, "… (the rest is in the file)");
  const payload = JSON.stringify({ content, allowed_mentions: { parse: [] } });
  if (content === withoutEverybody(whole)) return { headers: { "content-type": "application/json" }, body: payload };
  const form = new FormData();
  form.append("payload_json", payload);
  form.append("files[0]", new Blob([whole], { type: "text/markdown" }), "answer.md");
  const encoded = new Response(form);
  const type = encoded.headers.get("content-type") ?? "";
  return { headers: { "content-type": type }, body: new Uint8Array(await encoded.arrayBuffer()) };
}

/** The time to wait is in the body, in seconds; a webhook that is not there any more is gone for good. */
function toDiscordFailure(answer: HttpAnswer): DeliveryReport {
  const failure = toFailure(answer, { isGone: (status) => status === 404 || status === 410 });
  const seconds = field(jsonOf(answer), "retry_after");
  if (answer.status !== 429 || typeof seconds !== "number") return failure;
  return { ...failure, retryAfterMs: Math.ceil(seconds * 1_000) };
}
