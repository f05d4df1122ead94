/**
 * Why a model call failed, and whether another try can help.
 *
 * E1 Classification reads codes, status numbers and error names first; message text only where a provider gives nothing else.
 * E2 A message never carries headers, request bodies or anything shaped like a key.
 */
import type { RunError } from "../ports/view.ts";
import { isExecutusError } from "./errors.ts";
import { isOverflow } from "./overflow-error.ts";
import { retryAfterMs } from "./retry-after.ts";

/**
 * - `model_failed`: refused for good (bad request, unknown model, refusal we do not understand)
 * - `model_context_overflow`: the conversation is longer than the model's window; a shorter one may do
 * - `model_unauthorized`: key missing, wrong or without rights
 * - `model_unsupported`: the conversation cannot be put to this model (a file it does not take, bytes that are not there)
 * - `model_overloaded`: rate limit or overload; retryable
 * - `model_unavailable`: server error or network; retryable
 * - `model_timeout`: no first token, no next token or no end in time; retryable
 * - `model_incomplete`: the answer broke off, ended without a finish or could not be read; retryable, nothing of it is used
 * - `model_aborted`: the provider's own client stopped it; retryable (when we stop a call, it rejects with our reason)
 */
export type ModelErrorCode =
  | "model_failed"
  | "model_context_overflow"
  | "model_unauthorized"
  | "model_unsupported"
  | "model_overloaded"
  | "model_unavailable"
  | "model_timeout"
  | "model_incomplete"
  | "model_aborted";

export interface ModelErrorDetails {
  readonly retryable?: boolean;
  readonly statusCode?: number;
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

const RETRYABLE: ReadonlySet<string> = new Set<ModelErrorCode>([
  "model_overloaded",
  "model_unavailable",
  "model_timeout",
  "model_incomplete",
  "model_aborted",
]);
const MARKER = Symbol.for("executus.model-error");

/**
 * What a ModelCandidate rejects with.
 *
 * @example
 * throw new ModelCallError("model_overloaded", "local/llama: 429 rate limited", { statusCode: 429, retryAfterMs: 2000 });
 */
export class ModelCallError extends Error {
  override readonly name = "ModelCallError";
  readonly code: ModelErrorCode;
  /** Default: what `code` says. */
  readonly retryable: boolean;
  readonly statusCode?: number;
  readonly retryAfterMs?: number;

  constructor(code: ModelErrorCode, message: string, details: ModelErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryable = details.retryable ?? RETRYABLE.has(code);
    if (details.statusCode !== undefined) this.statusCode = details.statusCode;
    if (details.retryAfterMs !== undefined) this.retryAfterMs = details.retryAfterMs;
    Object.defineProperty(this, MARKER, { value: true });
  }
}

/** True for a ModelCallError of any copy of this package. */
export function isModelCallError(error: unknown): error is ModelCallError {
  return typeof error === "object" && error !== null && MARKER in error;
}

export interface ModelFailure {
  readonly error: RunError;
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
}

/**
 * Whatever a candidate threw, as a fact for the journal. `nowMs` (wall clock) is what a `retry-after` date is measured
 * against; without it such a date is ignored.
 */
export function toModelFailure(error: unknown, nowMs?: number): ModelFailure {
  const { code, message, retryable, retryAfterMs } = classify(error, nowMs);
  return { error: { code, message }, retryable, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** The same as an error that names the model: `openai/gpt-5: 429 rate limited: ...`. Our own errors stay as they are. */
export function toModelCallError(model: string, error: unknown, nowMs?: number): Error {
  if (isModelCallError(error) || isExecutusError(error)) return error;
  const { code, message, ...details } = classify(error, nowMs);
  return new ModelCallError(code as ModelErrorCode, `${model}: ${message}`, { ...details, cause: error });
}

/**
 * The same for an error that arrived inside an answer: the request had been accepted, so what cannot be placed is taken for
 * a broken answer, which is retryable.
 */
export function toStreamError(model: string, error: unknown, nowMs?: number): Error {
  if (isModelCallError(error) || isExecutusError(error)) return error;
  if (place(error, nowMs) !== undefined) return toModelCallError(model, error, nowMs);
  return new ModelCallError("model_incomplete", `${model}: ${unplaced(error).message}`, { cause: error });
}

interface Classified {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly statusCode?: number;
  readonly retryAfterMs?: number;
}

interface Fields {
  readonly [key: string]: unknown;
}

function classify(error: unknown, nowMs: number | undefined): Classified {
  return place(error, nowMs) ?? unplaced(error);
}

function place(error: unknown, nowMs: number | undefined): Classified | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const fields = error as Fields;
  if (isModelCallError(error) || isExecutusError(error)) return own(fields);
  return (
    byCode(fields) ??
    byOverflow(fields) ??
    byStatus(fields, nowMs) ??
    byName(fields) ??
    byNetwork(fields) ??
    byProviderWord(fields) ??
    byNothing(fields)
  );
}

function plain(code: ModelErrorCode, message: string, details: Partial<Classified> = {}): Classified {
  return { code, message: tidy(message), retryable: RETRYABLE.has(code), ...details };
}

function own(fields: Fields): Classified {
  const wait = fields["retryAfterMs"];
  return {
    code: String(fields["code"]),
    message: tidy(messageOf(fields)),
    retryable: fields["retryable"] === true,
    ...(typeof wait === "number" ? { retryAfterMs: wait } : {}),
  };
}

/** An error of somebody else's candidate that already speaks our codes. */
function byCode(fields: Fields): Classified | undefined {
  const code = fields["code"];
  if (typeof code !== "string" || !code.startsWith("model_")) return undefined;
  return own({ ...fields, message: messageOf(fields), retryable: fields["retryable"] ?? RETRYABLE.has(code) });
}

function byOverflow(fields: Fields): Classified | undefined {
  if (!isOverflow(fields)) return undefined;
  const { statusCode, error } = fields;
  const message = messageOf(typeof error === "object" && error !== null ? (error as Fields) : fields);
  return plain("model_context_overflow", message, typeof statusCode === "number" ? { statusCode } : {});
}

const STATUS_WORDS: Readonly<Record<number, string>> = {
  400: "bad request",
  401: "unauthorized",
  402: "payment required",
  403: "forbidden",
  404: "not found",
  408: "request timeout",
  409: "conflict",
  413: "request too large",
  422: "unprocessable",
  429: "rate limited",
  500: "server error",
  502: "bad gateway",
  503: "unavailable",
  504: "gateway timeout",
  529: "overloaded",
};

/** AI SDK's APICallError, and anything else that carries an HTTP status. */
function byStatus(fields: Fields, nowMs: number | undefined): Classified | undefined {
  const statusCode = fields["statusCode"];
  if (typeof statusCode !== "number" || statusCode < 300) return undefined;
  const headers = fields["responseHeaders"];
  const declared = fields["retryAfterMs"];
  const wait =
    typeof declared === "number"
      ? declared
      : typeof headers === "object" && headers !== null
        ? retryAfterMs(headers as Fields, nowMs)
        : undefined;
  const code = codeOfStatus(statusCode);
  const word = STATUS_WORDS[statusCode];
  const details = {
    statusCode,
    retryable: RETRYABLE.has(code) || fields["isRetryable"] === true || fields["retryable"] === true,
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  };
  const message = messageOf(fields);
  // An answer that is no error of the provider's has the words of the status for a message.
  const isSaid = word !== undefined && message.toLowerCase() === word;
  return plain(code, `${statusCode}${word === undefined ? "" : ` ${word}`}${isSaid ? "" : `: ${message}`}`, details);
}

function codeOfStatus(status: number): ModelErrorCode {
  if (status === 401 || status === 403) return "model_unauthorized";
  if (status === 429 || status === 503 || status === 529) return "model_overloaded";
  if (status === 408 || status === 409 || status >= 500) return "model_unavailable";
  return "model_failed";
}

const NAMES: Readonly<Record<string, ModelErrorCode>> = {
  AbortError: "model_aborted",
  ResponseAborted: "model_aborted",
  TimeoutError: "model_timeout",
  AI_EmptyResponseBodyError: "model_incomplete",
  AI_InvalidResponseDataError: "model_incomplete",
  AI_JSONParseError: "model_incomplete",
  AI_NoContentGeneratedError: "model_incomplete",
  AI_TypeValidationError: "model_incomplete",
  AI_InvalidArgumentError: "model_unsupported",
  AI_InvalidPromptError: "model_unsupported",
  AI_UnsupportedFunctionalityError: "model_unsupported",
  AI_LoadAPIKeyError: "model_unauthorized",
};

function byName(fields: Fields): Classified | undefined {
  const name = fields["name"];
  const code = typeof name === "string" ? NAMES[name] : undefined;
  if (code === undefined) return undefined;
  // Parse errors quote what they could not read, which is the model's words and not the reason.
  if (code === "model_incomplete") return plain(code, `the stream could not be read: ${messageOf(fields).slice(0, 80)}`);
  return plain(code, messageOf(fields));
}

const NETWORK_CODE = /^(ECONN(RESET|REFUSED|ABORTED)|EPIPE|ENOTFOUND|EAI_AGAIN|E(HOST|NET)(UNREACH|DOWN)|ETIMEDOUT|UND_ERR_\w+)$/;
const NETWORK_WORDS = /\b(fetch failed|socket hang up|other side closed|terminated|network error|connection error)\b/i;

/** A broken connection hides in the cause chain: TypeError "fetch failed" <- Error with code ECONNRESET. */
function byNetwork(fields: Fields): Classified | undefined {
  let reason: string | undefined;
  for (let depth = 0, at: unknown = fields; depth < 5 && typeof at === "object" && at !== null; depth++) {
    const { code, message, cause } = at as Fields;
    if (typeof code === "string" && NETWORK_CODE.test(code)) reason = code;
    else if (typeof message === "string" && NETWORK_WORDS.test(message)) reason ??= message;
    at = cause;
  }
  if (reason !== undefined) return plain("model_unavailable", `connection failed: ${networkWords(reason)}`);
  if (fields["isRetryable"] === true || fields["retryable"] === true) return plain("model_unavailable", messageOf(fields));
  return undefined;
}

const NETWORK_MEANING: readonly (readonly [RegExp, string])[] = [
  [/^ECONNREFUSED$/, "nobody listens there"],
  [/^(ECONNRESET|ECONNABORTED|EPIPE|UND_ERR_SOCKET)$/, "the other side closed it"],
  [/^ENOTFOUND$/, "the host is not known"],
  [/^EAI_AGAIN$/, "the name server did not answer"],
  [/^E(HOST|NET)(UNREACH|DOWN)$/, "there is no way to the host"],
  [/^(ETIMEDOUT|UND_ERR_\w*TIMEOUT)$/, "no answer in time"],
];

/** The code stays: it is what one searches for. */
function networkWords(reason: string): string {
  const meaning = NETWORK_MEANING.find(([code]) => code.test(reason));
  return meaning === undefined ? reason : `${meaning[1]} (${reason})`;
}

const PROVIDER_WORDS: readonly (readonly [RegExp, ModelErrorCode])[] = [
  [/overloaded|rate_?limit|too_many_requests|resource_exhausted|slow_down/i, "model_overloaded"],
  [/authentication|permission|invalid_api_key|unauthenticated/i, "model_unauthorized"],
  [/invalid_request|not_found|content_policy|unsupported/i, "model_failed"],
  [/timeout|deadline_exceeded/i, "model_timeout"],
  [/server_error|api_error|internal|unavailable|bad_gateway/i, "model_unavailable"],
];

/** The request was accepted, and what came back is no answer: 204, a body that is empty or none of the provider's. */
function byNothing({ statusCode, ...fields }: Fields): Classified | undefined {
  if (typeof statusCode !== "number" || statusCode < 200 || statusCode >= 300) return undefined;
  return plain("model_incomplete", `the answer could not be read: ${messageOf(fields)}`, { statusCode });
}

/** Errors inside a stream are plain objects: { type: "overloaded_error", message } or { error: { code, message } }. */
function byProviderWord(fields: Fields): Classified | undefined {
  const inner = fields["error"];
  const source = typeof inner === "object" && inner !== null ? (inner as Fields) : fields;
  const words = [source["type"], source["code"], source["status"]].filter((word) => typeof word === "string").join(" ");
  const match = PROVIDER_WORDS.find(([pattern]) => pattern.test(words));
  return match === undefined ? undefined : plain(match[1], messageOf(source));
}

function unplaced(error: unknown): Classified {
  if (typeof error !== "object" || error === null) return plain("model_failed", String(error));
  const { error: inner } = error as Fields;
  return plain("model_failed", messageOf(typeof inner === "object" && inner !== null ? (inner as Fields) : (error as Fields)));
}

function messageOf(fields: Fields): string {
  const { message, type, name } = fields;
  if (typeof message === "string" && message.trim() !== "") return message;
  if (typeof type === "string") return type;
  return typeof name === "string" ? name : "the provider gave no reason";
}

const LONGEST_MESSAGE = 300;
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/\b(Bearer|Basic)\s+[\w.~+/=-]{8,}/gi, "$1 [removed]"],
  [/\b(sk|pk|rk|gsk|xai|key|AIza)[-_][\w*.-]{8,}|\bAIza[\w-]{16,}/g, "[removed]"],
  [/([?&](?:key|api_key|token|access_token)=)[^&\s"']+/gi, "$1[removed]"],
];

function tidy(message: string): string {
  let text = message.replaceAll(/\s+/g, " ").trim();
  for (const [pattern, replacement] of SECRETS) text = text.replaceAll(pattern, replacement);
  return text.length <= LONGEST_MESSAGE ? text : `${text.slice(0, LONGEST_MESSAGE - 3)}...`;
}
