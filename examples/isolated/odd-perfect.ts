/** Loaded here and in each of its threads: it only makes the tool. */
import { defineTool, type Tool } from "executus";

export const oddPerfect: Tool = defineTool({
  name: "oddPerfect",
  description: "The first odd number above `from` that is the sum of its divisors.",
  input: { type: "object", properties: { from: { type: "number" } }, required: ["from"] },
  effect: "read",
  timeoutMs: 1_000,
  isolated: import.meta.url,
  execute: ({ from }) => {
    for (let n = from; ; n += 2) {
      let sum = 1;
      for (let d = 3; d < n; d += 2) if (n % d === 0) sum += d;
      if (sum === n) return n;
    }
  },
});
