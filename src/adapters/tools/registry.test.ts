import { describe, expect, it } from "vitest";
import { defineTool } from "./define-tool.ts";
import { createTools } from "./registry.ts";

function tool(name: string, visibility: "public" | "private" = "public"): ReturnType<typeof defineTool> {
  return defineTool({ name, description: name, input: { type: "object" }, visibility, execute: () => "" });
}

describe("createTools", () => {
  it("S42 S13 gives the tools in the order they are named in", async () => {
    const tools = createTools([tool("read_file"), tool("write_file")]);
    expect((await tools.resolve(["write_file", "read_file"], {})).map(({ name }) => name)).toEqual(["write_file", "read_file"]);
  });

  it("S13 names the nearest tool and all of them when one is not there", async () => {
    const tools = createTools([tool("read_file"), tool("write_file")]);
    await expect(tools.resolve(["read_fle"], {})).rejects.toMatchObject({
      code: "tool_unknown",
      message: "There is no tool named read_fle.",
      hint: "Did you mean read_file? Registered tools: read_file, write_file.",
    });
    await expect(createTools([]).resolve(["x"], {})).rejects.toMatchObject({ hint: "No tools are registered." });
  });

  it("S42 S13 keeps private tools out of lists and suggestions, for agents that name them", async () => {
    const tools = createTools([tool("look"), tool("refund", "private")]);
    expect(tools.names({})).toEqual(["look"]);
    expect(await tools.resolve(["refund"], {})).toHaveLength(1);
    await expect(tools.resolve(["refnd"], {})).rejects.toMatchObject({ hint: "Registered tools: look." });
  });

  it("S15 refuses two tools of one name, registered or asked for", async () => {
    expect(() => createTools([tool("look"), tool("look")])).toThrow(expect.objectContaining({ code: "tool_duplicate" }));
    await expect(createTools([tool("look")]).resolve(["look", "look"], {})).rejects.toMatchObject({ code: "tool_duplicate" });
  });
});
