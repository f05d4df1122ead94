/** Microsoft Teams: the URL of a workflow ("when a webhook request is received") with an Adaptive Card. */
import type { Delivery, DeliveryAdapter, DeliveryReport } from "../../ports/delivery.ts";
import { type CredentialOptions, credentialOf } from "./credentials.ts";
import { isSuccess, send, toFailure } from "./http.ts";
import { fitBytes, textOf, titleOf, withoutEverybody } from "./message-text.ts";

/** A message has at most 28 KB, the card around the text included. */
const MOST_BYTES = 24_000;

/**
 * The credential is the workflow's URL. A workflow cannot be asked what it posted: an attempt that arrived without being heard of is
 * posted again.
 *
 * @example
 * delivery: { adapters: [teams()] }   // request: { delivery: { kind: "teams", credential: "office" } }
 */
export function teams(options: CredentialOptions = {}): DeliveryAdapter {
  return {
    kind: "teams",
    check: (target) => void new URL(credentialOf(target, options)),
    deliver: (delivery, signal) => deliver(delivery, credentialOf(delivery.target, options), signal),
  };
}

async function deliver(delivery: Delivery, url: string, signal: AbortSignal): Promise<DeliveryReport> {
  const secrets = [url, new URL(url).search.slice(1)];
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify(toCard(delivery));
  const answer = await send({ method: "POST", url, headers, body, signal, from: "configuration", secrets });
  if (isSuccess(answer)) return { outcome: "delivered", receipt: { status: answer.status } };
  return toFailure(answer);
}

function toCard({ message }: Delivery): object {
  const text = fitBytes(harmless(textOf(message)), MOST_BYTES);
  const weight = message.data.status === "completed" ? "Default" : "Attention";
  const content = {
    $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
    type: "AdaptiveCard",
    version: "1.4",
    body: [
      { type: "TextBlock", text: harmless(titleOf(message)), weight: "Bolder", color: weight, wrap: true },
      { type: "TextBlock", text, wrap: true },
    ],
  };
  return {
    type: "message",
    attachments: [{ contentType: "application/vnd.microsoft.card.adaptive", contentUrl: null, content }],
  };
}

/** `<at>` is how a card calls somebody. */
function harmless(text: string): string {
  return withoutEverybody(text.replaceAll(/<(\/?)at>/gi, "&lt;$1at&gt;"));
}
