/**
 * Comments on issues and pull requests, GitHub's and Gitea's. A hidden mark in the comment holds the delivery's id, so that an attempt
 * that may have arrived updates the comment instead of making a second one.
 */
import { ExecutusError } from "../../kernel/errors.ts";
import type { Delivery, DeliveryAdapter, DeliveryReport, DeliveryTarget } from "../../ports/delivery.ts";
import { type CredentialOptions, credentialOf } from "./credentials.ts";
import { type HttpAnswer, isSuccess, jsonOf, send, textField, toFailure } from "./http.ts";
import { fitText, textOf, withoutMentions } from "./message-text.ts";

export interface IssueCommentOptions extends CredentialOptions {
  /** Let `@name` call people. Default false. */
  readonly mentions?: boolean;
}

export interface GithubOptions extends IssueCommentOptions {
  /** Default `https://api.github.com`. */
  readonly api?: string;
}

export interface GiteaOptions extends IssueCommentOptions {
  /** `https://git.example.com/api/v1` */
  readonly api: string;
}

/**
 * `id` is `owner/repo#12`, the credential a token. `options.sticky`: a name; comments of other runs with the same name on the same
 * issue are updated instead of joined by another one.
 *
 * @example
 * delivery: { adapters: [githubComment()] }   // request: { delivery: { kind: "github", id: "octo/tea#12" } }
 */
export function githubComment(options: GithubOptions = {}): DeliveryAdapter {
  const headers = { accept: "application/vnd.github+json", "x-github-api-version": "2022-11-28" };
  return issueComment({ kind: "github", scheme: "Bearer", headers, api: options.api ?? "https://api.github.com" }, options);
}

/** The same for Gitea and Forgejo: `kind: "gitea"`. */
export function giteaComment(options: GiteaOptions): DeliveryAdapter {
  return issueComment({ kind: "gitea", scheme: "token", headers: { accept: "application/json" }, api: options.api }, options);
}

interface Forge {
  readonly kind: "github" | "gitea";
  readonly scheme: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly api: string;
}

const PER_PAGE = 100;
/** Looked through at most, so that an issue with endless comments is no endless delivery. */
const MOST_PAGES = 30;
/** GitHub's bound; Gitea's is wider. */
const MOST_CHARACTERS = 65_000;

function issueComment(forge: Forge, options: IssueCommentOptions): DeliveryAdapter {
  return {
    kind: forge.kind,
    check: (target) => {
      placeOf(target);
      credentialOf(target, options);
    },
    deliver: (delivery, signal) => {
      const token = credentialOf(delivery.target, options);
      return deliver(delivery, { forge, token, signal, mentions: options.mentions === true });
    },
  };
}

interface Place {
  /** `/repos/owner/repo` */
  readonly repo: string;
  readonly number: string;
}

function placeOf({ id = "", kind }: DeliveryTarget): Place {
  const [, owner, repo, number] = /^([\w.-]+)\/([\w.-]+)#(\d+)$/.exec(id) ?? [];
  if (owner === undefined || repo === undefined || number === undefined || [owner, repo].some((part) => /^\.+$/.test(part))) {
    throw new ExecutusError(
      "request_invalid",
      `a ${kind} delivery needs an \`id\` like owner/repo#12, not ${JSON.stringify(id)}`,
    );
  }
  return { repo: `/repos/${owner}/${repo}`, number };
}

interface Work {
  readonly forge: Forge;
  readonly token: string;
  readonly signal: AbortSignal;
  readonly mentions: boolean;
}

async function deliver(delivery: Delivery, work: Work): Promise<DeliveryReport> {
  const { target, attempt, id } = delivery;
  const { repo, number } = placeOf(target);
  const sticky = target.options?.["sticky"];
  const mark = markOf(typeof sticky === "string" ? sticky : id);
  const body = toBody(delivery, mark, work.mentions);
  const mayBeThere = attempt > 1 || typeof sticky === "string";
  const found = mayBeThere ? await findComment(work, `${repo}/issues/${number}/comments`, mark) : undefined;
  if (found !== undefined && "outcome" in found) return found;
  const answer =
    found === undefined
      ? await ask(work, "POST", `${repo}/issues/${number}/comments`, { body })
      : await ask(work, "PATCH", `${repo}/issues/comments/${found.id}`, { body });
  if (!isSuccess(answer)) return toForgeFailure(answer);
  const comment = jsonOf(answer);
  return {
    outcome: "delivered",
    receipt: { comment: textField(comment, "id") ?? "", url: textField(comment, "html_url") ?? "" },
  };
}

/** Nothing in it can end the HTML comment early. */
function markOf(name: string): string {
  return `<!-- executus:${name.replaceAll(/[^\w.:-]/g, "_").replaceAll("--", "__")} -->`;
}

function toBody({ message }: Delivery, mark: string, mentions: boolean): string {
  const text = textOf(message);
  return `${fitText(mentions ? text : withoutMentions(text), MOST_CHARACTERS)}\n\n${mark}`;
}

async function findComment(
  work: Work,
  path: string,
  mark: string,
): Promise<{ readonly id: string } | DeliveryReport | undefined> {
  for (let page = 1; page <= MOST_PAGES; page++) {
    const answer = await ask(work, "GET", `${path}?per_page=${PER_PAGE}&limit=${PER_PAGE}&page=${page}`);
    if (!isSuccess(answer)) return toForgeFailure(answer);
    const comments = jsonOf(answer);
    if (!Array.isArray(comments)) return undefined;
    const found: unknown = comments.find((comment) => textField(comment, "body")?.includes(mark));
    const id = textField(found, "id");
    if (id !== undefined) return { id };
    // Gitea gives all of them at once, whatever it is asked for.
    if (comments.length < PER_PAGE || work.forge.kind === "gitea") return undefined;
  }
  return undefined;
}

function ask({ forge, token, signal }: Work, method: "GET" | "POST" | "PATCH", path: string, body?: object): Promise<HttpAnswer> {
  const headers = {
    ...forge.headers,
    "user-agent": "executus",
    authorization: `${forge.scheme} ${token}`,
    ...(body === undefined ? {} : { "content-type": "application/json" }),
  };
  const url = `${forge.api.replace(/\/$/, "")}${path}`;
  const content = body === undefined ? {} : { body: JSON.stringify(body) };
  return send({ method, url, headers, ...content, signal, from: "configuration", secrets: [token] });
}

/** GitHub says 403 also for "too many": then there is a time to wait. */
function toForgeFailure(answer: HttpAnswer): DeliveryReport {
  const reset = Number(answer.header("x-ratelimit-reset"));
  const failure = toFailure(answer, { isGone: () => false });
  const isLimited = answer.header("x-ratelimit-remaining") === "0" && [403, 429].includes(answer.status);
  if (!isLimited || failure.retryAfterMs !== undefined) return failure;
  const retryAfterMs = Number.isFinite(reset) ? Math.max(0, reset * 1_000 - Date.now()) : 60_000;
  return { outcome: "failed", error: failure.error, retryAfterMs };
}
