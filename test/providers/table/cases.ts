/**
 * What providers and the networks before them do wrong. Each case is what the first requests get; whatever comes after is answered
 * as it should be.
 *
 * `retried`: nothing of it is used, and the model is asked again. Else it is taken for an answer, and these of its calls run, the others
 * are answered as data. `fails`: the run ends with that code after so many requests.
 */
import { gzipSync } from "node:zlib";
import type { LimitsInput } from "../../../src/index.ts";
import type { WireFormat } from "./answer.ts";
import { answers, type Ask, BAD, body, cut, cutInside, damaged, doubled, edited, inserted, refused, toPieces } from "./edits.ts";

export type Outcome = "retried" | { readonly runs: readonly string[] } | { readonly fails: string; readonly requests: number };

export interface FaultCase {
  readonly name: string;
  readonly replies: readonly Ask[];
  /** The last reply is given for ever. */
  readonly always?: true;
  readonly limits?: LimitsInput;
  readonly outcome: Outcome;
  /** Where a format, or the package for it, makes something else of it. */
  readonly but?: Readonly<Record<string, Outcome>>;
}

/** A busy machine may take a sound answer for a late one: more tries, so that such a run ends all the same. */
const QUICK: LimitsInput = { firstTokenMs: 1_000, idleTokenMs: 1_000, modelAttempts: 10 };
const BOTH: Outcome = { runs: ["901+2", "902+2"] };
const FIRST: Outcome = { runs: ["901+2"] };
const NONE: Outcome = { runs: [] };
const HTML = "<html><body><h1>502 Bad Gateway</h1></body></html>";
const one = (name: string, ask: Ask, outcome: Outcome = "retried", more: Partial<FaultCase> = {}): FaultCase => ({
  name,
  replies: [ask],
  outcome,
  ...more,
});
const forEver = (name: string, ask: Ask, outcome: Outcome, limits?: LimitsInput): FaultCase => ({
  ...one(name, ask, outcome),
  always: true,
  ...(limits === undefined ? {} : { limits }),
});

const STATUS: readonly FaultCase[] = [
  one("429 with retry-after in seconds", refused(429, { "retry-after": "1" }, "rate_limit_error")),
  one("429 with retry-after in milliseconds", refused(429, { "retry-after-ms": "20" }, "rate_limit_error")),
  one("429 without retry-after", refused(429, {}, "rate_limit_error")),
  one("429 with a retry-after that has passed", refused(429, { "retry-after": new Date(0).toUTCString() })),
  one("429 with a retry-after that is none", refused(429, { "retry-after": "soon, -1" })),
  one("408", refused(408)),
  one("409", refused(409)),
  one("500 with a reason", refused(500)),
  one("500 with a page of HTML", body(HTML, "text/html", 500)),
  one("502 with nothing", body("", "text/html", 502)),
  one("503", refused(503, { "retry-after-ms": "5" }, "overloaded_error")),
  one("504", refused(504)),
  one("529", refused(529, {}, "overloaded_error")),
  {
    ...one("three kinds of refusal, then an answer", refused(500)),
    replies: [refused(500), refused(429), refused(503)],
    limits: { modelAttempts: 4 },
  },
  forEver("429 for ever", refused(429, {}, "rate_limit_error"), { fails: "model_overloaded", requests: 3 }),
  forEver("500 for ever", refused(500), { fails: "model_unavailable", requests: 3 }),
  forEver("400", refused(400, {}, "invalid_request_error"), { fails: "model_failed", requests: 1 }),
  forEver("401", refused(401, {}, "authentication_error"), { fails: "model_unauthorized", requests: 1 }),
  forEver("403", refused(403, {}, "permission_error"), { fails: "model_unauthorized", requests: 1 }),
  forEver("404", refused(404, {}, "not_found_error"), { fails: "model_failed", requests: 1 }),
  forEver("422", refused(422, {}, "invalid_request_error"), { fails: "model_failed", requests: 1 }),
];

const BODIES: readonly FaultCase[] = [
  one("200 with an error as JSON", (format) => ({
    headers: { "content-type": "application/json" },
    pieces: [format.errorBody("no capacity", "server_error")],
  })),
  one("200 with an error as the only event", (format) => ({
    pieces: [`${format.errorEvent("no capacity", "server_error")}\n\n`],
  })),
  one("200 with a page of HTML", body(HTML, "text/html")),
  one("200 with HTML as an event stream", body(HTML)),
  one("200 with an empty body", body("")),
  one("204", body("", "text/event-stream", 204)),
  one("200 with comments only", body(": waiting\n\n: waiting\n\n")),
  one("200 with [DONE] only", body("data: [DONE]\n\n")),
  one("200 with truncated JSON", body('{"id":"x","choices":[{"mess', "application/json")),
  one("200 with a body that is not the gzip it says it is", () => ({
    headers: { "content-type": "text/event-stream", "content-encoding": "gzip" },
    pieces: ["data: this is no gzip\n\n"],
  })),
  one("200 with gzip that breaks off", (format) => {
    const bytes = gzipSync(toPieces(format.render(BAD)).join(""));
    const headers = { "content-type": "text/event-stream", "content-encoding": "gzip" };
    return { headers, pieces: [bytes.subarray(0, bytes.length / 2)] };
  }),
  one("a body shorter than its announced length", (format) => {
    const text = toPieces(format.render(BAD).slice(0, -2)).join("");
    const headers = { "content-type": "text/event-stream", "content-length": String(text.length + 500) };
    return { headers, pieces: [text], by: "reset" };
  }),
];

const CUTS: readonly FaultCase[] = [
  one("an end before anything", cut("start", "eof")),
  one("an end in the middle of the text", cut("text", "eof", 1)),
  one("an end between the text and the calls", cut("call", "eof")),
  one("an end inside the arguments of a call", cut("args", "eof", 1)),
  one("an end inside an event of the arguments", cutInside("args")),
  one("an end after the first of two calls", cut("call", "eof", 1)),
  one("a clean end without a finish, after both calls", cut("finish", "eof")),
  one("an end inside the finish", cutInside("finish")),
  one("a reset before an answer", () => ({ silent: "reset" })),
  one("a reset in the middle of the text", cut("text", "reset", 1)),
  one("a reset inside the arguments of a call", cut("args", "reset", 1)),
  one("a reset inside an event of the arguments", cutInside("args", "reset")),
  one("a reset before the finish", cut("finish", "reset")),
  one("no answer in time", () => ({ silent: "stall" }), "retried", { limits: QUICK }),
  one("a status and then nothing", cut("start", "stall"), "retried", { limits: QUICK }),
  one("silence in the middle of the text", cut("text", "stall", 1), "retried", { limits: QUICK }),
  one("silence inside the arguments of a call", cut("args", "stall", 1), "retried", { limits: QUICK }),
  one("silence before the finish", cut("finish", "stall"), "retried", { limits: QUICK }),
  one(
    "text that never ends",
    (format) => {
      const [event] = format.render({ ...BAD, text: ["and on "] }).filter(({ at }) => at === "text");
      const start = format.render(BAD).filter(({ at }) => at === "start");
      return {
        pieces: [...toPieces(start), ...Array.from({ length: 200 }, () => `${event?.text}\n\n`)],
        pauseMs: 50,
        by: "stall",
      };
    },
    "retried",
    { limits: { modelCallMs: 1_000, modelAttempts: 10 } },
  ),
  forEver("no answer, ever", () => ({ silent: "stall" }), { fails: "model_timeout", requests: 3 }, { firstTokenMs: 1_000 }),
  forEver("a reset, every time", cut("finish", "reset"), { fails: "model_unavailable", requests: 3 }),
  forEver("no finish, every time", cut("finish", "eof"), { fails: "model_incomplete", requests: 3 }),
];

const DAMAGE: readonly FaultCase[] = [
  one("an event that is no JSON", inserted("args", "data: {nonsense")),
  one("an event that breaks off and goes on", inserted("args", 'data: {"type":"mess\ndata: age"}')),
  one(
    "an error in the middle of the stream",
    inserted("args", (format) => format.errorEvent("overloaded", "overloaded_error")),
  ),
  one(
    "an error after both calls",
    inserted("finish", (format) => format.errorEvent("internal", "server_error")),
  ),
  one(
    "invalid UTF-8 in the text",
    damaged((bytes) => invalid(bytes, "Bad ")),
    BOTH,
  ),
  one(
    "invalid UTF-8 in the arguments",
    damaged((bytes) => invalid(bytes, "90")),
    FIRST,
    { but: { google: "retried" } },
  ),
  one(
    "a byte order mark, CR LF and comments",
    damaged((bytes) => `\uFEFF${bytes.replaceAll("\n", "\r\n")}`),
    BOTH,
  ),
  one(
    "one byte at a time",
    (format) => ({ pieces: [...Buffer.from(toPieces(format.render(BAD)).join(""))].map((byte) => Buffer.of(byte)) }),
    BOTH,
  ),
  one(
    "events that say nothing in between",
    inserted("args", (format) => format.nothing),
    BOTH,
  ),
  one("nothing but events that say nothing", (format) => ({ pieces: [`${format.nothing}\n\n`, `${format.nothing}\n\n`] })),
  one("a piece of the text twice", doubled("text"), BOTH),
  // OpenAI sends the whole of them again at their end; a call of Google's is one piece, so this is a third call.
  one(
    "a piece of the arguments twice",
    doubled("args"),
    { runs: ["902+2"] },
    {
      but: { openai: BOTH, google: { runs: ["901+2", "901+2", "902+2"] } },
    },
  ),
  one("the finish twice", doubled("finish"), BOTH),
  one("the beginning of a call twice", doubled("call"), BOTH, { but: { google: { runs: ["901+2", "901+2", "902+2"] } } }),
  one(
    "calls after the finish",
    edited((events) => [...events.filter(({ at }) => at === "finish"), ...events.filter(({ at }) => at !== "finish")]),
    BOTH,
  ),
];

function invalid(bytes: string, before: string): Buffer {
  const buffer = Buffer.from(bytes);
  const at = buffer.lastIndexOf(before);
  return Buffer.concat([buffer.subarray(0, at), Buffer.of(0xff, 0xc3), buffer.subarray(at)]);
}

const [first, second] = BAD.calls;
const calls = (change: object, of = first): Pick<typeof BAD, "calls"> => ({
  calls: of === undefined ? [] : [{ ...of, ...change }],
});

const ANSWERS: readonly FaultCase[] = [
  one("two calls with one id", answers({ calls: BAD.calls.map((call) => ({ ...call, id: "same" })) }), BOTH),
  {
    ...one(
      "an id that comes again in the next answer",
      answers({ calls: BAD.calls.map((call, i) => ({ ...call, id: ["call_a", "call_b"][i] ?? "" })) }),
      BOTH,
    ),
  },
  one("a call without an id", answers(calls({ id: "" })), FIRST),
  one("a call without a name", answers(calls({ name: "" })), NONE, { but: { "openai-compatible": "retried" } }),
  one("a call of a tool that is not there", answers(calls({ name: "subtract" })), NONE),
  one("arguments that are no JSON", answers(calls({ args: ["{a:1"] })), NONE, { but: { google: "retried" } }),
  one("arguments that are a list", answers(calls({ args: ["[901,2]"] })), NONE),
  one("arguments that are null", answers(calls({ args: ["null"] })), NONE),
  one("no arguments", answers(calls({ args: [""] })), NONE),
  one("arguments of the wrong types", answers(calls({ args: ['{"a":"901","b":{}}'] })), NONE),
  one(
    "the same call twice",
    answers({ calls: first === undefined || second === undefined ? [] : [first, { ...second, args: first.args, id: "call_z" }] }),
    { runs: ["901+2", "901+2"] },
  ),
  one("no finish reason", answers({ finish: null })),
  one("an unknown finish reason", answers({ finish: "banana" }), BOTH),
  one("calls in an answer that says stop", answers({ finish: "stop" }), BOTH),
  one("calls in an answer that was cut at its length", answers({ finish: "length" }), NONE),
  one("calls in an answer that a filter stopped", answers({ finish: "content-filter" }), NONE),
  one("no usage", answers({ usage: null }), BOTH),
  one("negative usage", answers({ usage: { input: -1_000_000, output: -5 } }), BOTH),
  one("usage beyond all measure", answers({ usage: { input: 1e18, output: 1e300 } }), BOTH),
  one("usage that is no number", answers({ usage: { input: "many", output: null } }), "retried", {
    but: { anthropic: { fails: "model_failed", requests: 1 } },
  }),
];

export const CASES: readonly FaultCase[] = [...STATUS, ...BODIES, ...CUTS, ...DAMAGE, ...ANSWERS];

export const outcomeOf = ({ outcome, but }: FaultCase, { wire }: WireFormat): Outcome => but?.[wire.name] ?? outcome;
