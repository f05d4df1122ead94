import { APICallError, JSONParseError, UnsupportedFunctionalityError } from "@ai-sdk/provider";
import { expect, test } from "vitest";
import { ExecutusError } from "./errors.ts";
import { isModelCallError, ModelCallError, toModelCallError, toModelFailure, toStreamError } from "./model-error.ts";

function apiError(statusCode: number | undefined, message = "no", responseHeaders: Record<string, string> = {}): APICallError {
  return new APICallError({
    message,
    url: "https://api.example.com/v1?key=AIzaSecretSecretSecret",
    requestBodyValues: { secret: "body" },
    responseHeaders: { authorization: "Bearer very-secret-token", ...responseHeaders },
    ...(statusCode === undefined ? {} : { statusCode }),
  });
}

test.each([
  [400, "model_failed", false],
  [401, "model_unauthorized", false],
  [403, "model_unauthorized", false],
  [404, "model_failed", false],
  [408, "model_unavailable", true],
  [409, "model_unavailable", true],
  [413, "model_failed", false],
  [429, "model_overloaded", true],
  [500, "model_unavailable", true],
  [503, "model_overloaded", true],
  [529, "model_overloaded", true],
])("an HTTP %i is %s, retryable: %s", (status, code, retryable) => {
  expect(toModelFailure(apiError(status))).toMatchObject({ error: { code }, retryable });
});

test("an API error of another copy of the package is known by its fields", () => {
  const failure = toModelFailure({ name: "AI_APICallError", message: "slow down", statusCode: 429, isRetryable: true });
  expect(failure).toMatchObject({ error: { code: "model_overloaded", message: "429 rate limited: slow down" }, retryable: true });
});

test("the wait a provider asks for is carried, dates included", () => {
  expect(toModelFailure(apiError(429, "no", { "retry-after": "3" })).retryAfterMs).toBe(3000);
  const now = 1_000_000_000_000;
  const headers = { "retry-after": "Sun, 09 Sep 2001 01:46:45 GMT" };
  expect(toModelFailure(apiError(503, "no", headers), now).retryAfterMs).toBe(5000);
  expect(toModelFailure(apiError(429))).not.toHaveProperty("retryAfterMs");
});

test("a broken connection is found behind its wrappers and is retryable", () => {
  const reset = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
  expect(toModelFailure(new TypeError("fetch failed", { cause: reset }))).toEqual({
    error: { code: "model_unavailable", message: "connection failed: the other side closed it (ECONNRESET)" },
    retryable: true,
  });
  const closed = Object.assign(new Error("other side closed"), { code: "UND_ERR_SOCKET" });
  expect(toModelFailure(new TypeError("terminated", { cause: closed }))).toMatchObject({ retryable: true });
});

test.each([
  ["ECONNREFUSED", "nobody listens there (ECONNREFUSED)"],
  ["ENOTFOUND", "the host is not known (ENOTFOUND)"],
  ["EHOSTUNREACH", "there is no way to the host (EHOSTUNREACH)"],
  ["UND_ERR_CONNECT_TIMEOUT", "no answer in time (UND_ERR_CONNECT_TIMEOUT)"],
  ["UND_ERR_SOCKET", "the other side closed it (UND_ERR_SOCKET)"],
  ["UND_ERR_INFO", "UND_ERR_INFO"],
])("a connection that fails with %s says what that means", (code, words) => {
  const failure = toModelFailure(new TypeError("fetch failed", { cause: Object.assign(new Error(""), { code }) }));
  expect(failure).toMatchObject({ error: { message: `connection failed: ${words}` }, retryable: true });
});

test("a status is not said twice", () => {
  expect(toModelFailure(apiError(502, "Bad Gateway")).error.message).toBe("502 bad gateway");
  expect(toModelFailure(apiError(502, "no backend")).error.message).toBe("502 bad gateway: no backend");
});

test("a cause chain that bites its own tail ends", () => {
  const error = new Error("odd");
  error.cause = error;
  expect(toModelFailure(error)).toMatchObject({ error: { code: "model_failed" }, retryable: false });
});

test("what the SDK refuses to send will be refused again, what it could not read may be readable next time", () => {
  expect(toModelFailure(new UnsupportedFunctionalityError({ functionality: "video" }))).toMatchObject({
    error: { code: "model_unsupported" },
    retryable: false,
  });
  expect(toModelFailure(new JSONParseError({ text: "{", cause: new Error("no") }))).toMatchObject({
    error: { code: "model_incomplete" },
    retryable: true,
  });
});

test.each([
  [{ type: "overloaded_error", message: "Overloaded" }, "model_overloaded", true],
  [{ error: { type: "server_error", code: null, message: "oops" } }, "model_unavailable", true],
  [{ type: "error", error: { type: "authentication_error", message: "who?" } }, "model_unauthorized", false],
  [{ error: { code: 13, status: "INTERNAL", message: "oops" } }, "model_unavailable", true],
  [{ error: { type: "invalid_request_error", message: "no" } }, "model_failed", false],
])("an error inside a stream says what it is in its type: %j", (error, code, retryable) => {
  const failure = toStreamError("p/m", error) as ModelCallError;
  expect(failure).toMatchObject({ code, retryable });
});

test("an error inside a stream that cannot be placed is taken for a broken answer", () => {
  expect(toStreamError("p/m", "boom")).toMatchObject({ code: "model_incomplete", retryable: true, message: "p/m: boom" });
  expect(toModelCallError("p/m", "boom")).toMatchObject({ code: "model_failed", retryable: false });
});

test("codes of other candidates are kept, with what they imply", () => {
  const timeout = Object.assign(new Error("no token in 60 s"), { code: "model_timeout" });
  expect(toModelFailure(timeout)).toEqual({ error: { code: "model_timeout", message: "no token in 60 s" }, retryable: true });
  const final = Object.assign(new Error("no"), { code: "model_timeout", retryable: false });
  expect(toModelFailure(final).retryable).toBe(false);
});

test("our own errors keep their code and are not wrapped", () => {
  const own = new ModelCallError("model_overloaded", "busy", { retryAfterMs: 10 });
  expect(toModelCallError("p/m", own)).toBe(own);
  expect(toModelFailure(own)).toEqual({
    error: { code: "model_overloaded", message: "busy" },
    retryable: true,
    retryAfterMs: 10,
  });
  const blob = new ExecutusError("blob_missing", "blob abc is not there");
  expect(toModelCallError("p/m", blob)).toBe(blob);
  expect(toModelFailure(blob)).toEqual({ error: { code: "blob_missing", message: "blob abc is not there" }, retryable: false });
});

test("a model error of another copy of this package is known by its marker", () => {
  const other = Object.assign(new Error("busy"), {
    [Symbol.for("executus.model-error")]: true,
    code: "model_unavailable",
    retryable: true,
  });
  expect(isModelCallError(other)).toBe(true);
  expect(toModelFailure(other)).toMatchObject({ error: { code: "model_unavailable" }, retryable: true });
});

test("messages are short and carry neither keys nor headers nor addresses with keys", () => {
  const quoted = `bad sk-proj-abcdefghijklmnop, Bearer abcdefghijkl and https://x/y?key=AIzaAbCdEfGhIjKlMnOpQrStUv\n${"x".repeat(1000)}`;
  const { message } = toModelFailure(apiError(401, quoted)).error;
  expect(message).toMatch(/^401 unauthorized: bad \[removed\], Bearer \[removed\] and https:\/\/x\/y\?key=\[removed\] x+\.\.\.$/);
  expect(message.length).toBeLessThanOrEqual(300);
});

test.each([undefined, null, 7, "", {}, new Error("")])("anything thrown becomes a failure: %s", (thrown) => {
  const failure = toModelFailure(thrown);
  expect(failure).toMatchObject({ error: { code: "model_failed" }, retryable: false });
  expect(typeof failure.error.message).toBe("string");
});
