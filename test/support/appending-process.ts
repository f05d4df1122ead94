/** Appends lines one after the other, saying each call before it makes it, until somebody kills it. */
import { fileTools } from "../../src/adapters/tools/files.ts";
import { toolContext } from "./tool-context.ts";

const [root = "", round = ""] = process.argv.slice(2);
const append = fileTools({ root }).find((tool) => tool.name === "append_file");
for (let i = 0; i < 10_000; i++) {
  const call = `${round}.${i}`;
  console.log(call);
  await append?.execute({ path: "out/ledger.csv", text: `line of ${call}` }, toolContext({ call }));
}
