import { describe, expect, it } from "vitest";
import { nearest } from "./errors.ts";

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
