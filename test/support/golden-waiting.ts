/** Runs that wait: for approval, for answers, for a time, for something outside. */
import type { RunEvent } from "../../src/ports/events.ts";
import type { Tool } from "../../src/ports/tools.ts";
import type { Command, RunResult } from "../../src/run/types.ts";
import type { ScriptedAnswer } from "../../src/testing/scripted-model.ts";
import { createWorld, makeAgent, makeTool, type World } from "./world.ts";

type Play = () => Promise<readonly RunEvent[]>;

interface Plan {
  readonly tools: readonly Tool[];
  readonly script?: readonly ScriptedAnswer[];
  /** What is told to the run, one after the other, as often as it stands still. A number lets that much time pass, ms. */
  readonly told?: readonly (Command | number)[];
}

function waiting({ tools, script, told = [] }: Plan): Play {
  return async () => {
    const agent = makeAgent(tools);
    const calls = tools.map(({ name }) => ({ name, input: { n: 1 } }));
    const world = createWorld(script ?? [{ calls }, { text: "Done." }], { agents: [agent] });
    await world.clock.until(world.executor.run(agent, { input: "Go on.", id: "golden" }));
    for (const [i, step] of told.entries()) {
      if (typeof step === "number") world.clock.advance(step);
      else await tell(world, step, `i${i}`);
      await world.clock.until((await world.executor.start(agent, { input: "Go on.", id: "golden" })).result);
    }
    await world.executor.shutdown();
    return world.store.journal.read("golden");
  };
}

/** An answer goes past the door, which would refuse one that does not fit. */
async function tell({ executor, store, clock }: World, command: Command, id: string): Promise<void> {
  if (command.kind !== "answer") await executor.send("golden", command, { id, from: "ana" });
  else await store.inbox.send("golden", { id, at: clock.now(), from: "ana", ...command });
}

const HOUR = 3_600_000;
const echo = (name: string, more: Partial<Tool> = {}): Tool =>
  makeTool(name, async (input) => `${name} ${JSON.stringify(input)}`, more);
const send = echo("send", { approval: { required: true, reason: "it leaves the house", deadlineMs: HOUR, onDeadline: "wait" } });
const ask = makeTool("ask", async (_, context) => context.ask("Which colour?", { choices: ["red", "blue"], deadlineMs: HOUR }));
const nap = makeTool("nap", async (_, context) => context.sleep(HOUR));
const build = makeTool("build", async (_, context) => context.waitFor("built", { deadlineMs: HOUR }), {
  resume: async (_, wake) => `built: ${JSON.stringify(wake)}`,
});

export const waitingScenarios: Readonly<Record<string, Play>> = {
  "waits-for-approval": waiting({ tools: [echo("look", { effect: "read" }), send] }),
  "waits-for-an-answer": waiting({ tools: [ask] }),
  "waits-for-a-time": waiting({ tools: [nap] }),
  "waits-for-something-outside": waiting({ tools: [build] }),
  "approved-with-other-arguments": waiting({
    tools: [send],
    told: [{ kind: "approve", approval: "golden:0.0", input: { n: 2 }, note: "two will do", always: true }],
  }),
  denied: waiting({ tools: [send], told: [{ kind: "deny", approval: "golden:0.0", note: "not now" }] }),
  "approved-after-its-time": waiting({ tools: [send], told: [HOUR, { kind: "approve", approval: "golden:0.0" }] }),
  answered: waiting({
    tools: [ask],
    told: [
      { kind: "answer", question: "golden:0.0", answer: "green" },
      { kind: "answer", question: "golden:0.0", answer: "blue" },
    ],
  }),
  "answered-by-nobody": waiting({ tools: [ask], told: [HOUR] }),
  slept: waiting({ tools: [nap], told: [HOUR] }),
  "heard-from-outside": waiting({
    tools: [build],
    told: [
      { kind: "signal", name: "other" },
      { kind: "signal", name: "built", payload: { ok: true } },
    ],
  }),
  "heard-nothing-from-outside": waiting({ tools: [build], told: [HOUR] }),
};

/** Gives a waiting run whatever it waits for. */
export async function satisfy({ executor, clock }: World, { run, waitingFor }: RunResult): Promise<void> {
  if (waitingFor === undefined || !("waits" in waitingFor)) return;
  for (const { for: kind, id, text = "", choices } of waitingFor.waits) {
    if (kind === "approval") await executor.send(run, { kind: "approve", approval: id });
    else if (kind === "question") await executor.send(run, { kind: "answer", question: id, answer: choices?.[0] ?? "yes" });
    else if (kind === "resolution") await executor.send(run, { kind: "resolve", call: id, outcome: "done", output: "checked" });
    else if (kind === "event") await executor.send(run, { kind: "signal", name: text });
    else clock.advance(HOUR);
  }
}
