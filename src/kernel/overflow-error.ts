/** Whether a provider refused a conversation because it is longer than the model's window. */

interface Fields {
  readonly [key: string]: unknown;
}

/** Where a provider has a word for it, that is what counts. */
const CODES: ReadonlySet<unknown> = new Set([
  "context_length_exceeded",
  "context_window_exceeded",
  "exceed_context_size_error",
  "model_context_window_exceeded",
  "tokens_limit_reached",
]);

/** Where it has none: Anthropic, Google, Mistral, xAI, Bedrock, and the servers that people run themselves. */
const SENTENCES: readonly RegExp[] = [
  /\bprompt is too long\b/i,
  /\b(maximum|max|available) (context|prompt|model) (length|size|window)\b/i,
  /\bexceeds? (the |this model's |its )?(maximum )?(context|available context) (length|limit|size|window)\b/i,
  /\bexceeds? the context window\b/i,
  /\binput token count\b.*\bexceeds? the maximum\b/i,
  /\binput (is|was) too long for (the )?requested model\b/i,
  /\binput length and `?max_tokens`? exceed context limit\b/i,
  /\blonger than the (maximum )?(model|context) length\b/i,
  /\btoo large for model with \d+ maximum context length\b/i,
  /\bloaded with (a )?context length of\b/i,
  /\bgreater than the context length\b/i,
  /\binputs?` tokens \+ `max_new_tokens` must be <=/i,
  /\breduce the length of the messages\b/i,
];

/** A rate limit may also speak of tokens that are too many; it passes by itself. */
const OTHER_STATUS: ReadonlySet<unknown> = new Set([401, 402, 403, 404, 408, 409, 429, 503, 529]);

export function isOverflow(fields: Fields): boolean {
  if (OTHER_STATUS.has(fields["statusCode"])) return false;
  const sources = [fields, inner(fields), inner(asFields(fields["data"])), inner(parsed(fields["responseBody"]))];
  return sources.some((source) => source !== undefined && speaksOfOverflow(source));
}

function speaksOfOverflow({ code, type, message }: Fields): boolean {
  if (CODES.has(code) || CODES.has(type)) return true;
  return typeof message === "string" && SENTENCES.some((sentence) => sentence.test(message));
}

function inner(fields: Fields | undefined): Fields | undefined {
  return asFields(fields?.["error"]);
}

function asFields(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null ? (value as Fields) : undefined;
}

function parsed(text: unknown): Fields | undefined {
  if (typeof text !== "string" || !text.startsWith("{")) return undefined;
  try {
    return asFields(JSON.parse(text));
  } catch {
    return undefined;
  }
}
