/** Many runs that wait, put into a store without driving each of them. */
import type { EventBody, RunEvent } from "../../src/ports/events.ts";
import type { Store } from "../../src/ports/store.ts";
import type { WaitingFor } from "../../src/ports/view.ts";
import { createWorld, makeAgent, makeTool } from "./world.ts";

/** What a tool that sleeps leaves behind; `at` is the wall time at which it wakes. */
export async function parkedJournal(at: number): Promise<readonly RunEvent[]> {
  const nap = makeTool("nap", async (_, context) => context.sleepUntil(at), { effect: "read" });
  const agent = makeAgent([nap]);
  const { executor, store, clock } = createWorld([{ calls: [{ name: "nap" }] }], { agents: [agent] });
  await clock.until(executor.run(agent, { input: "Sleep.", id: "parked" }));
  return store.journal.read("parked");
}

export interface Parking {
  readonly prefix: string;
  readonly count: number;
  /** Wall ms at which they wake. */
  readonly at: number;
}

export async function park(store: Store, { prefix, count, at }: Parking): Promise<void> {
  const events = await parkedJournal(at);
  const together = 500;
  for (let first = 0; first < count; first += together) {
    const names = Array.from({ length: Math.min(together, count - first) }, (_, i) => `${prefix}${first + i}`);
    await Promise.all(names.map((name) => parkOne(store, name, { events, at })));
  }
}

async function parkOne(
  store: Store,
  run: string,
  { events, at }: { readonly events: readonly RunEvent[]; readonly at: number },
): Promise<void> {
  const waitingFor: WaitingFor = {
    kind: "time",
    calls: ["0.0"],
    waits: [{ for: "time", id: `${run}:0.0`, call: "0.0", tool: "nap", at }],
  };
  const row = { status: "waiting", waitingFor, dueAt: at, step: 1 } as const;
  const bodies = events.map(({ seq: _seq, epoch: _epoch, at: _at, activeMs: _active, ...body }) =>
    renamed(body as EventBody, run),
  );
  await store.runs.create({ run, agent: "tester", at: Date.now(), events: bodies, row });
  await store.owners.release(run, 1);
}

function renamed(event: EventBody, run: string): EventBody {
  if (event.type === "run.started") return { ...event, run };
  return event.type === "tool.suspended" ? { ...event, wait: `${run}:${event.call}` } : event;
}
