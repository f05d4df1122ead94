import { describe, expect, it } from "vitest";
import { agreedType, decodeText, mediaTypeOf } from "./media-type.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const office = (folder: string): Uint8Array =>
  bytes(`PK\x03\x04${"\0".repeat(26)}[Content_Types].xml${"\0".repeat(60)}${folder}document.xml`);

describe("the type of a file", () => {
  it.each([
    ["image/png", bytes("\x89PNG\r\n\x1a\n....")],
    ["image/jpeg", bytes("\xff\xd8\xff\xe0..JFIF")],
    ["image/gif", bytes("GIF89a..")],
    ["image/gif", bytes("GIF87a..")],
    ["image/webp", bytes("RIFF....WEBPVP8 ")],
    ["image/avif", bytes("\0\0\0\x1cftypavif")],
    ["image/heic", bytes("\0\0\0\x1cftypheic")],
    ["image/tiff", bytes("II*\0....")],
    ["image/bmp", bytes("BM\x10\0\0\0\0\0\0\0")],
    ["application/pdf", bytes("%PDF-1.7\n\xe2\xe3")],
    ["application/zip", bytes("PK\x03\x04....a.txt")],
    ["application/vnd.openxmlformats-officedocument.wordprocessingml.document", office("word/")],
    ["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", office("xl/")],
    ["application/gzip", bytes("\x1f\x8b\x08")],
    ["audio/mpeg", bytes("ID3\x04")],
    ["audio/wav", bytes("RIFF....WAVEfmt ")],
    ["audio/ogg", bytes("OggS\0")],
    ["video/mp4", bytes("\0\0\0\x18ftypmp42")],
    ["video/webm", bytes("\x1a\x45\xdf\xa3\x01")],
    ["application/octet-stream", bytes("\0\x01\x02\xff")],
    ["application/octet-stream", bytes("caf\xe9 in Latin-1")],
    ["text/plain", utf8("café in UTF-8\r\n\ttabbed \x1b[1mbold\x1b[0m")],
    ["text/plain", new Uint8Array()],
  ])("%s is read from the bytes", (type, content) => {
    expect(mediaTypeOf(content, "claims-to-be.png")).toBe(type);
  });

  it("of a text is what its name says it is", () => {
    const names = ["a.csv", "a.JSON", "a.md", "a.html", "a.svg", "a.ts", "a", "png"];
    expect(names.map((name) => mediaTypeOf(utf8("a,b"), name))).toEqual([
      "text/csv",
      "application/json",
      "text/markdown",
      "text/html",
      "image/svg+xml",
      "text/plain",
      "text/plain",
      "text/plain",
    ]);
  });

  it("is what the caller says only where the bytes do not contradict", () => {
    expect(agreedType("image/png", "image/png")).toBe("image/png");
    expect(agreedType("text/plain", "text/csv; charset=utf-8")).toBe("text/csv");
    expect(agreedType("text/plain", "application/json")).toBe("application/json");
    expect(agreedType("application/zip", "application/epub+zip")).toBe("application/epub+zip");
    expect(agreedType("image/png", "application/octet-stream")).toBe("image/png");
    expect(agreedType("application/pdf", "image/png")).toBeUndefined();
    expect(agreedType("image/png", "image/jpeg")).toBeUndefined();
    expect(agreedType("text/plain", "image/png")).toBeUndefined();
    expect(agreedType("application/octet-stream", "text/plain")).toBeUndefined();
    expect(agreedType("application/octet-stream", "image/png")).toBeUndefined();
    expect(agreedType("application/zip", "application/json")).toBeUndefined();
  });

  it("is no text with characters that no text has", () => {
    expect(decodeText(utf8("a\0b"))).toBeUndefined();
    expect(decodeText(utf8("a\u200fb 😀"))).toBe("a\u200fb 😀");
  });
});
