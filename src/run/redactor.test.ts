import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ModelDelta } from "../ports/models.ts";
import { createRedactor, type Redactor } from "./redactor.ts";

const make = (...values: string[]): Redactor => {
  const redactor = createRedactor(values.map((value) => ({ value })));
  if (redactor === undefined) throw new Error("there is nothing to take out");
  return redactor;
};
const texts = (deltas: readonly ModelDelta[]): string => deltas.map(({ text }) => text).join("");
const said = (text: string): ModelDelta => ({ type: "text.delta", text });

function streamed(redactor: Redactor, pieces: readonly string[]): string {
  const stream = redactor.deltas();
  return texts([...pieces.flatMap((piece) => stream.push(said(piece))), ...stream.end()]);
}

describe("a redactor", () => {
  it("shows the name of what it took out", () => {
    const redactor = createRedactor([{ value: "s3cret-value", name: "DB_PASSWORD" }, { value: "other-value" }]);
    expect(redactor?.text("s3cret-value, other-value")).toBe("[redacted DB_PASSWORD], [redacted]");
  });

  it.each(['p"a\\s/s wörd', "ÿþ?~ÿþ?~>>"])("finds a secret as JSON, addresses and Base64 show it: %s", (secret) => {
    const redactor = make(secret);
    const base64 = Buffer.from(secret).toString("base64");
    for (const form of [
      secret,
      JSON.stringify(secret),
      encodeURIComponent(secret),
      base64,
      Buffer.from(secret).toString("base64url"),
    ]) {
      expect(redactor.text(`x=${form}.`)).toMatch(/^x="?\[redacted\]"?={0,2}\.$/);
    }
  });

  it("takes it out of data, keys included, and leaves the same object where there is none", () => {
    const redactor = make("canary-1");
    const clean = { a: [1, "x", { b: null }], c: true };
    expect(redactor.data(clean)).toBe(clean);
    const kept = { deep: ["nothing here"] };
    const data = redactor.data({ "canary-1": ["a canary-1 b"], kept });
    expect(data).toEqual({ "[redacted]": ["a [redacted] b"], kept });
    expect(data.kept).toBe(kept);
  });

  it("finds a secret that begins in one part of a message and ends in another, whatever lies between", () => {
    const redactor = make("canary-1");
    const call = { type: "tool-call", toolName: "x", input: { a: "can" } };
    const parts = [{ type: "text", text: "a cana" }, call, { type: "reasoning", text: "ry-1" }, { type: "text", text: "ry-1 b" }];
    expect(redactor.data(parts)).toEqual([
      { type: "text", text: "a [redacted]" },
      call,
      { type: "reasoning", text: "ry-1" },
      { type: "text", text: " b" },
    ]);
    const three = ["c", "anary", "-1"].map((text) => ({ type: "reasoning", text }));
    expect(redactor.data({ content: three }).content.map(({ text }) => text)).toEqual(["[redacted]", "", ""]);
    const clean = [
      { type: "text", text: "can" },
      { type: "text", text: "ary" },
    ];
    expect(redactor.data(clean)).toBe(clean);
  });

  it("says in parts what the whole would have said, however it was cut", () => {
    const letters = fc.stringMatching(/^[ab]{0,12}$/);
    const secret = fc.stringMatching(/^[ab]{2,4}$/);
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 8 }), fc.array(secret, { minLength: 1, maxLength: 3 }), (pieces, secrets) => {
        const redactor = make(...secrets);
        const parts = redactor.data(pieces.map((text) => ({ type: "text", text })));
        const whole = redactor.text(pieces.join(""));
        expect(parts.map(({ text }) => text).join("")).toBe(whole);
      }),
      { numRuns: 2_000 },
    );
  });

  it("prefers the longer of two secrets that begin alike", () => {
    expect(make("abcdef", "abcdefgh").text("abcdefgh abcdefg")).toBe("[redacted] [redacted]g");
  });

  it("takes characters that mean something in patterns literally", () => {
    expect(make("a.c+(d)[e]|f$").text("a.c+(d)[e]|f$ abc+(d)[e]|f$")).toBe("[redacted] abc+(d)[e]|f$");
  });
});

describe("a stream", () => {
  it("holds back what may be the beginning of a secret, and nothing else", () => {
    const stream = make("canary-1").deltas();
    expect(texts(stream.push(said("hello can")))).toBe("hello ");
    expect(texts(stream.push(said("ter ca")))).toBe("canter ");
    expect(texts(stream.push(said("nary")))).toBe("");
    expect(texts(stream.push(said("-1 and on")))).toBe("[redacted] and on");
    expect(texts(stream.push(said("cana")))).toBe("");
    expect(texts(stream.end())).toBe("cana");
  });

  it("keeps the kinds of its parts apart", () => {
    const stream = make("canary-1").deltas();
    const pieces: readonly ModelDelta[] = [
      { type: "text.delta", text: "can" },
      { type: "reasoning.delta", text: "canary-1" },
      { type: "tool-input.delta", toolName: "a", text: "cana" },
      { type: "text.delta", text: "ary-1!" },
      { type: "tool-input.delta", toolName: "a", text: "ry-1" },
    ];
    const out = [...pieces.flatMap((piece) => stream.push(piece)), ...stream.end()];
    expect(out.map(({ type, text }) => `${type} ${text}`)).toEqual([
      "reasoning.delta [redacted]",
      "text.delta [redacted]!",
      "tool-input.delta [redacted]",
    ]);
  });

  it("says in the end what the whole text would have said, however it was cut", () => {
    const letters = fc.stringMatching(/^[ab]{0,12}$/);
    const secret = fc.stringMatching(/^[ab]{2,4}$/);
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 8 }), fc.array(secret, { minLength: 1, maxLength: 3 }), (pieces, secrets) => {
        const redactor = make(...secrets);
        expect(streamed(redactor, pieces)).toBe(redactor.text(pieces.join("")));
      }),
      { numRuns: 2_000 },
    );
  });
});
