/** Tools that leave a trace in the current folder, and one that waits there until a test lets it go. */
import { appendFileSync, existsSync } from "node:fs";
import { defineTool, type Tool } from "executus";

/** One line per execution. */
export const record: Tool = defineTool({
  name: "record",
  description: "Note something.",
  effect: "once",
  input: { type: "object", properties: { note: { type: "string" } }, required: ["note"], additionalProperties: false },
  execute: async ({ note }) => {
    appendFileSync("calls.log", `record ${note}\n`);
    return `noted ${note}`;
  },
});

/** Comes back once there is a file named `gate`; hears no abort. */
export function gate(onUnknown: "ask" | "report"): Tool {
  return defineTool({
    name: "gate",
    description: "Wait at the gate.",
    effect: "once",
    onUnknown,
    input: { type: "object", properties: {}, additionalProperties: false },
    execute: async () => {
      appendFileSync("calls.log", "gate\n");
      await new Promise<void>((resolve) => {
        const timer = setInterval(() => {
          if (!existsSync("gate")) return;
          clearInterval(timer);
          resolve();
        }, 10);
      });
      return "through";
    },
  });
}
