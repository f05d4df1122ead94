/**
 * Slack: an incoming webhook, or `chat.postMessage` with a bot's token. With a token, an attempt that may have arrived is looked for
 * by the delivery's id in the metadata of the channel's last messages, and not posted again.
 */
import { ExecutusError } from "../../kernel/errors.ts";
import type { Delivery, DeliveryAdapter, DeliveryReport } from "../../ports/delivery.ts";
import { type CredentialOptions, credentialOf } from "./credentials.ts";
import { field, type HttpAnswer, isSuccess, jsonOf, send, textField, toFailure } from "./http.ts";
import { fitText, textOf, withoutEverybody } from "./message-text.ts";

export interface SlackOptions extends CredentialOptions {
  /** Default `https://slack.com/api`. */
  readonly api?: string;
}

/** Slack cuts longer ones. */
const MOST_CHARACTERS = 39_000;
const EVENT_TYPE = "executus_delivery";
/** Trying again changes nothing about these. */
const PERMANENT = [
  "account_inactive",
  "channel_not_found",
  "invalid_auth",
  "is_archived",
  "missing_scope",
  "no_permission",
  "not_authed",
  "not_in_channel",
  "restricted_action",
  "token_expired",
  "token_revoked",
];

/**
 * The credential is the URL of an incoming webhook, or a token (`xoxb-...`), with which `id` is the channel and
 * `options.thread` the message to answer below.
 *
 * @example
 * delivery: { adapters: [slack()] }   // request: { delivery: { kind: "slack", id: "C0123456789" } }
 */
export function slack(options: SlackOptions = {}): DeliveryAdapter {
  return {
    kind: "slack",
    check: (target) => {
      const isHook = credentialOf(target, options).startsWith("http");
      if (isHook || target.id !== undefined) return;
      throw new ExecutusError("request_invalid", "a Slack delivery with a token needs the `id` of a channel");
    },
    deliver: async (delivery, signal) => {
      const credential = credentialOf(delivery.target, options);
      if (credential.startsWith("http")) return postToHook(delivery, credential, signal);
      const api = options.api ?? "https://slack.com/api";
      return postMessage(delivery, { api, token: credential, signal });
    },
  };
}

/** `&`, `<` and `>` are Slack's markup: escaped, nobody and nothing is linked or called. */
function toSlackText(delivery: Delivery): string {
  const text = textOf(delivery.message).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return fitText(withoutEverybody(text), MOST_CHARACTERS);
}

async function postToHook(delivery: Delivery, url: string, signal: AbortSignal): Promise<DeliveryReport> {
  const body = JSON.stringify({ text: toSlackText(delivery), unfurl_links: false, unfurl_media: false });
  const headers = { "content-type": "application/json" };
  const answer = await send({ method: "POST", url, headers, body, signal, from: "configuration", secrets: [url] });
  if (isSuccess(answer)) return { outcome: "delivered" };
  // A hook that was removed, or whose channel was archived.
  return toFailure(answer, { isGone: (status) => status === 404 || status === 410 });
}

interface Bot {
  readonly api: string;
  readonly token: string;
  readonly signal: AbortSignal;
}

async function postMessage(delivery: Delivery, bot: Bot): Promise<DeliveryReport> {
  const { target, id, attempt } = delivery;
  const found = attempt === 1 ? undefined : await findPosted(delivery, bot);
  if (found !== undefined) return { outcome: "delivered", receipt: found };
  const thread = target.options?.["thread"];
  const message = {
    channel: target.id,
    text: toSlackText(delivery),
    parse: "none",
    link_names: false,
    unfurl_links: false,
    unfurl_media: false,
    metadata: { event_type: EVENT_TYPE, event_payload: { id } },
    ...(typeof thread === "string" ? { thread_ts: thread } : {}),
  };
  const answer = await ask(bot, "chat.postMessage", message);
  const posted = jsonOf(answer);
  if (!isSuccess(answer) || field(posted, "ok") !== true) return toSlackFailure(answer);
  return { outcome: "delivered", receipt: receiptOf(posted, target.id) };
}

/** The message of an earlier attempt, if it arrived. */
async function findPosted({ id, target }: Delivery, bot: Bot): Promise<{ readonly [name: string]: string } | undefined> {
  const thread = target.options?.["thread"];
  const where = { channel: target.id, include_all_metadata: true, limit: 200 };
  const answer =
    typeof thread === "string"
      ? await ask(bot, "conversations.replies", { ...where, ts: thread })
      : await ask(bot, "conversations.history", where);
  const messages = field(jsonOf(answer), "messages");
  if (!Array.isArray(messages)) return undefined;
  const isOurs = (message: unknown): boolean =>
    textField(field(field(message, "metadata"), "event_payload"), "id") === id &&
    textField(field(message, "metadata"), "event_type") === EVENT_TYPE;
  const found: unknown = messages.find(isOurs);
  return found === undefined ? undefined : receiptOf(found, target.id);
}

function ask({ api, token, signal }: Bot, method: string, body: object): Promise<HttpAnswer> {
  const headers = { "content-type": "application/json; charset=utf-8", authorization: `Bearer ${token}` };
  const url = `${api}/${method}`;
  return send({ method: "POST", url, headers, body: JSON.stringify(body), signal, from: "configuration", secrets: [token] });
}

function receiptOf(message: unknown, channel: string | undefined): { readonly [name: string]: string } {
  return { channel: textField(message, "channel") ?? channel ?? "", ts: textField(message, "ts") ?? "" };
}

/** Errors come with status 200. */
function toSlackFailure(answer: HttpAnswer): DeliveryReport {
  const code = textField(jsonOf(answer), "error");
  if (code === undefined) return toFailure(answer);
  const error = `Slack said ${code}`;
  return PERMANENT.includes(code)
    ? { outcome: "failed", error, permanent: true }
    : { ...toFailure(answer, { isPermanent: () => false }), error };
}
