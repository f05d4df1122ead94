/** Telling a parent how its child ended. The child's journal is the truth; the same end told twice is one entry. */
import type { RunState } from "../kernel/state.ts";
import type { ToolOutput } from "../ports/messages.ts";
import type { InboxEntry } from "../ports/store.ts";
import type { Core } from "./core.ts";
import type { Session } from "./session.ts";

/** More of an answer than this is in the child's journal only, in characters. */
const MOST_CHARACTERS = 64 * 1024;

/** After the end of a child is durable. Whoever finds out that this was not done does it again. */
export async function tellParent(core: Core, session: Session): Promise<void> {
  const { state } = session;
  const { parent, parentCall } = state.request;
  if (parent === undefined || parentCall === undefined) return;
  try {
    await tellEnd(core, state);
  } catch (error) {
    session.warn(`could not tell ${parent} how this run ended: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export async function tellEnd(core: Core, state: RunState): Promise<void> {
  const { parent, parentCall: call } = state.request;
  if (parent === undefined || call === undefined) return;
  const result = await core.store.inbox.send(parent, toEntry(core, state, call));
  if (result === "accepted" || result === "duplicate") core.engine.wake(parent);
}

function toEntry(core: Core, state: RunState, call: string): InboxEntry {
  const { run, usage, costUsd, step, toolCalls, activeMs } = state;
  return {
    id: `child:${run}`,
    at: Math.round(core.clock.now()),
    kind: "child-ended",
    call,
    run,
    status: state.settling?.status ?? "failed",
    output: outputOf(state),
    usage,
    costUsd,
    steps: step,
    toolCalls,
    durationMs: activeMs,
  };
}

/** What the parent's model is told: the answer, or how far the child came and why no further. */
function outputOf({ run, agent, output, settling }: RunState): ToolOutput {
  const status = settling?.status ?? "failed";
  if (status === "completed") return { type: "text", value: shortened(run, output) };
  const value = {
    status,
    delegate: agent.name,
    ...(settling?.error === undefined ? {} : { error: settling.error.message }),
    ...(output === "" ? {} : { partialOutput: shortened(run, output) }),
  };
  return { type: "error-json", value };
}

function shortened(run: string, text: string): string {
  if (text.length <= MOST_CHARACTERS) return text;
  return `${text.slice(0, MOST_CHARACTERS)}\n[cut here: the whole answer has ${text.length} characters and is kept with run ${run}]`;
}
