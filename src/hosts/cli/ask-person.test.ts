import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { askPerson } from "./ask-person.ts";

it("what a person says about a call in doubt is for the doubt that was shown", async () => {
  const input = new PassThrough();
  const said = ["done\n", "retry\n"];
  // What is typed before it is asked is not heard.
  const output = new PassThrough().on("data", (text) => {
    if (String(text).includes("[l]ater: ")) setImmediate(() => input.write(said.shift() ?? ""));
  });
  const asked = askPerson({
    waits: [
      { for: "resolution", id: "0.0", call: "0.0", tool: "pay" },
      { for: "resolution", id: "0.1", call: "0.1", tool: "pay", doubt: 2 },
    ],
    calls: [],
    input,
    output,
  });
  expect(await asked).toEqual([
    { kind: "resolve", call: "0.0", outcome: "done", doubt: 1 },
    { kind: "resolve", call: "0.1", outcome: "retry", doubt: 2 },
  ]);
});
