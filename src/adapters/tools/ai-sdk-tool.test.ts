import { createHash } from "node:crypto";
import { asSchema, dynamicTool, jsonSchema, tool, zodSchema } from "ai";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import * as mini from "zod/mini";
import { toolContext } from "../../../test/support/tool-context.ts";
import type { Blobs } from "../../ports/blobs.ts";
import { fromAiSdkTool, toolsFromAiSdk } from "./ai-sdk-tool.ts";

function memoryBlobs(): Blobs & { readonly bytes: Map<string, Uint8Array> } {
  const bytes = new Map<string, Uint8Array>();
  return {
    bytes,
    put: async (value) => {
      const hash = createHash("sha256").update(value).digest("hex");
      bytes.set(hash, value);
      return hash;
    },
    get: async (hash) => bytes.get(hash) ?? Promise.reject(new Error("missing")),
    collect: async () => 0,
  };
}

const city = z.object({ city: z.string() });

describe("fromAiSdkTool", () => {
  it("S39 takes a tool() with a zod schema unchanged and runs it as once", async () => {
    const seen: unknown[] = [];
    const weather = tool({
      description: "Weather of a city.",
      inputSchema: city,
      execute: async (input, { toolCallId, abortSignal, messages }) => {
        seen.push(toolCallId, abortSignal?.aborted, messages);
        return { sunny: input.city };
      },
    });
    const ours = fromAiSdkTool("weather", weather);
    expect(ours).toMatchObject({ name: "weather", description: "Weather of a city.", effect: "once", visibility: "public" });
    expect(ours.inputSchema).toMatchObject({ type: "object", required: ["city"] });
    expect(await ours.validate({ city: 1 })).toMatchObject({ ok: false, problem: expect.stringMatching(/^city: /) });
    expect(await ours.execute({ city: "Graz" }, toolContext())).toEqual({ sunny: "Graz" });
    expect(seen).toEqual(["provider-0.0", false, []]);
  });

  const forms = {
    "jsonSchema()": jsonSchema({ type: "object", properties: { city: { type: "string" } }, required: ["city"] }),
    "zodSchema()": zodSchema(city),
    "zodSchema() of zod/mini": zodSchema(mini.object({ city: mini.string() })),
    "a lazy schema": () => zodSchema(city),
    zod: city,
  };
  it.each(Object.entries(forms))("reads %s and checks arguments with it", async (_name, inputSchema) => {
    const ours = fromAiSdkTool("weather", { description: "x", inputSchema, execute: () => "" });
    expect(ours.inputSchema).toMatchObject({ type: "object", properties: { city: { type: "string" } } });
    expect(await ours.validate({ city: "Graz" })).toEqual({ ok: true, value: { city: "Graz" } });
    expect(await ours.validate({ city: 1 })).toMatchObject({ ok: false, problem: expect.stringMatching(/^city: /) });
  });

  it("uses a schema's own validate, and takes no arguments where there is no schema", async () => {
    const checking = jsonSchema({ type: "object" }, { validate: () => ({ success: false, error: new Error("no city") }) });
    const own = fromAiSdkTool("own", { description: "x", inputSchema: checking, execute: () => "" });
    expect(await own.validate({})).toEqual({ ok: false, problem: "no city" });
    const none = fromAiSdkTool("none", { description: "x", inputSchema: asSchema(undefined), execute: () => "" });
    expect(none.inputSchema).toMatchObject({ type: "object", additionalProperties: false });
  });

  it("takes dynamic tools and descriptions that depend on the context", () => {
    const inputSchema = jsonSchema({ type: "object" });
    expect(
      fromAiSdkTool("mcp", dynamicTool({ description: "From a server.", inputSchema, execute: async () => 1 })),
    ).toMatchObject({
      description: "From a server.",
    });
    const described = {
      description: ({ context }: { context: { shop: string } }) => `Stock of ${context.shop}.`,
      inputSchema,
      execute: () => 1,
    };
    expect(fromAiSdkTool("stock", described, { context: { shop: "Graz" } }).description).toBe("Stock of Graz.");
  });

  it("takes the last value of a tool that streams, and stops when the call is aborted", async () => {
    async function* execute(): AsyncGenerator<string> {
      yield "one";
      yield "two";
    }
    const ours = fromAiSdkTool("stream", tool({ description: "x", inputSchema: city, execute }));
    expect(await ours.execute({ city: "Graz" }, toolContext())).toBe("two");
    const signal = AbortSignal.abort(new Error("cancelled"));
    await expect(ours.execute({ city: "Graz" }, toolContext({ signal }))).rejects.toThrow("cancelled");
  });

  it("shows the model what toModelOutput says, with bytes in the blob store", async () => {
    const blobs = memoryBlobs();
    const photo = tool({
      description: "x",
      inputSchema: city,
      execute: async () => Buffer.from("pixels").toString("base64"),
      toModelOutput: ({ output, input, toolCallId }) => ({
        type: "content",
        value: [
          {
            type: "text",
            text: `${input.city} ${toolCallId}`,
            providerOptions: { anthropic: { cacheControl: { type: "ephemeral" } } },
          },
          { type: "file", mediaType: "image/png", filename: "a.png", data: { type: "data", data: output } },
          { type: "file", mediaType: "image", data: { type: "url", url: new URL("https://example.com/a.png") } },
        ],
      }),
    });
    const output = await fromAiSdkTool("photo", photo, { blobs }).toOutput?.(
      Buffer.from("pixels").toString("base64"),
      { city: "Graz" },
      "c1",
    );
    const hash = createHash("sha256").update("pixels").digest("hex");
    expect(output).toEqual({
      type: "content",
      value: [
        { type: "text", text: "Graz c1", providerMetadata: { anthropic: { cacheControl: { type: "ephemeral" } } } },
        { type: "file", mediaType: "image/png", filename: "a.png", data: { type: "blob", hash, bytes: 6 } },
        { type: "file", mediaType: "image", data: { type: "url", url: "https://example.com/a.png" } },
      ],
    });
    expect(JSON.parse(JSON.stringify(output))).toEqual(output);
    expect(Buffer.from(blobs.bytes.get(hash) ?? []).toString()).toBe("pixels");
    await expect(fromAiSdkTool("photo", photo).toOutput?.("aaaa", { city: "Graz" }, "c1")).rejects.toThrow(
      /photo returned a file.*`blobs`/,
    );
  });

  it("keeps json, denied and older outputs, and refuses what only one provider can read", async () => {
    const outputs: Record<string, unknown> = {
      json: { type: "json", value: { a: [1] } },
      denied: { type: "execution-denied", reason: "too late" },
      older: { type: "content", value: [{ type: "image-url", url: "https://example.com/a.png" }] },
      foreign: { type: "content", value: [{ type: "file-id", fileId: "file_1" }] },
      strange: { type: "hologram" },
    };
    const ours = fromAiSdkTool("any", {
      description: "x",
      inputSchema: city,
      execute: () => "",
      toModelOutput: ({ output }: { output: string }) => outputs[output],
    });
    expect(await ours.toOutput?.("json", {}, "c")).toEqual({ type: "json", value: { a: [1] } });
    expect(await ours.toOutput?.("denied", {}, "c")).toEqual({ type: "error-text", value: "Not run: too late." });
    expect(await ours.toOutput?.("older", {}, "c")).toMatchObject({ value: [{ type: "file", mediaType: "image" }] });
    await expect(ours.toOutput?.("foreign", {}, "c")).rejects.toThrow(/file-id, which only one provider/);
    await expect(ours.toOutput?.("strange", {}, "c")).rejects.toThrow(/unknown kind of output: "hologram"/);
  });

  it("takes tools that are described by their title or by nothing but their name, as the AI SDK does", () => {
    const titled = tool({ title: "Weather of a city", inputSchema: city, execute: async () => "" });
    expect(fromAiSdkTool("weather", titled).description).toBe("Weather of a city");
    expect(fromAiSdkTool("weather", tool({ inputSchema: city, execute: async () => "" })).description).toBe("weather");
  });

  it("refuses tools it could not run as their author meant, naming them", () => {
    const client = tool({ description: "x", inputSchema: city, outputSchema: z.string() });
    expect(() => fromAiSdkTool("ask", client)).toThrow(
      expect.objectContaining({ code: "tool_invalid", message: expect.stringMatching(/^Tool ask: it has no `execute`/) }),
    );
    const provider = { type: "provider", id: "x.search", args: {}, inputSchema: city, execute: () => "" };
    expect(() => fromAiSdkTool("search", provider)).toThrow(/provider's own tool/);
    const late = jsonSchema(Promise.resolve({ type: "object" as const }));
    expect(() => fromAiSdkTool("late", { description: "x", inputSchema: late, execute: () => "" })).toThrow(/is a promise/);
    expect(() => fromAiSdkTool("odd", { description: "x", inputSchema: { shape: 1 }, execute: () => "" })).toThrow(
      /not a schema of the AI SDK/,
    );
  });

  it("takes a whole tool set by its keys", () => {
    const set = {
      a: tool({ description: "A.", inputSchema: city, execute: async () => "" }),
      b: tool({ description: "B.", inputSchema: city, execute: async () => "" }),
    };
    expect(toolsFromAiSdk(set, { effect: "read" }).map(({ name, effect }) => `${name} ${effect}`)).toEqual(["a read", "b read"]);
  });
});
