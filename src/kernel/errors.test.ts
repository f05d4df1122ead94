import { describe, expect, it } from "vitest";
import { ExecutusError, messageWithHint, nearest } from "./errors.ts";

describe("nearest", () => {
  it("finds what was meant", () => {
    expect(nearest("lst_files", ["read_file", "list_files", "write_file"])).toBe("list_files");
    expect(nearest("Mdoel", ["mode", "model", "tools"])).toBe("model");
  });

  it("takes two swapped letters for one slip, and the nearer length of two that are as near", () => {
    expect(nearest("modle", ["mode", "model"])).toBe("model");
  });

  it("does not guess", () => {
    expect(nearest("deploy", ["list_files", "model"])).toBeUndefined();
    expect(nearest("x", [])).toBeUndefined();
  });
});

it("a message and its hint are one text, with one full stop between them", () => {
  const text = (message: string, hint?: string): string =>
    messageWithHint(new ExecutusError("usage", message, hint === undefined ? {} : { hint }));
  expect(text("no such run", "List them.")).toBe("no such run. List them.");
  expect(text("There is no tool named x.", "Did you mean y?")).toBe("There is no tool named x. Did you mean y?");
  expect([text("There is none."), text("none")]).toEqual(["There is none.", "none"]);
});
