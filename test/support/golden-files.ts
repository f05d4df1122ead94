/** Golden journals of runs with files. */
import type { RunEvent } from "../../src/ports/events.ts";
import { createWorld, makeAgent, makeTool } from "./world.ts";

export const fileScenarios: Readonly<Record<string, () => Promise<readonly RunEvent[]>>> = {
  "attachments-read-in-pieces": async () => {
    const script = [
      { calls: [{ name: "read_attachment", input: { file: "file-1", length: 5 } }] },
      { calls: [{ name: "list" }] },
      { calls: [{ name: "read_attachment", input: { file: "result-1.0", offset: 290 } }] },
      { text: "Read." },
    ];
    const list = makeTool("list", async () => "0123456789".repeat(30), { effect: "read", outputBytes: 200 });
    const agent = makeAgent([list]);
    const world = createWorld(script, { agents: [agent] });
    const attachments = [{ text: "hello world", name: "hello.txt" }];
    await world.clock.until(world.executor.run(agent, { input: "Read it.", attachments, id: "golden" }));
    return world.store.journal.read("golden");
  },
};
