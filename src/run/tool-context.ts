/** What a tool is given besides its input. */
import type { CallState } from "../kernel/state.ts";
import type { Mutable } from "../ports/mutable.ts";
import type { ToolContext } from "../ports/tools.ts";
import { ask, sleep, sleepUntil, waitFor } from "../kernel/suspension.ts";
import { toArtifact } from "./artifact.ts";
import type { EventBody } from "../ports/events.ts";
import type { Session } from "./session.ts";
import type { Stopper } from "./stopper.ts";
import { toStatusView } from "./status.ts";

/** The same in every attempt at the call, different for every other call. */
export function idempotencyKey(run: string, call: string): string {
  return `${run}:${call}`;
}

/** `artifacts` is filled with what is committed together with the call's outcome. */
export function toolContext(session: Session, call: CallState, stopper: Stopper, artifacts: EventBody[] = []): ToolContext {
  const { caller, channel, tenant } = session.state.request;
  let attached = 0;
  // The id follows from the call, so a call that is run again attaches nothing twice.
  const attach: ToolContext["attach"] = async (content) => {
    const id = `attach:${call.id}:${attached++}`;
    await session.ports.store.inbox.send(session.run, { id, kind: "steer", content, from: call.name });
    session.inboxChanged = true;
    session.nudge();
  };
  const context: Mutable<ToolContext> = {
    run: session.run,
    call: call.id,
    toolCallId: call.toolCallId,
    idempotencyKey: idempotencyKey(session.run, call.id),
    attempt: session.epoch,
    // Not a getter: making one costs ten times as much as the signal.
    signal: stopper.signal,
    ask,
    waitFor,
    sleep,
    sleepUntil,
    status: () => toStatusView(session.state, session.now().activeMs),
    attach,
    attachImages: async (images) => {
      const { toImageParts } = await import("./attachments.ts");
      await attach(await toImageParts(images, session.ports));
    },
    addArtifact: async (artifact) => {
      artifacts.push({ ...(await toArtifact(artifact, session.ports)), call: call.id });
    },
  };
  if (caller !== undefined) context.caller = caller;
  if (channel !== undefined) context.channel = channel;
  if (tenant !== undefined) context.tenant = tenant;
  return context;
}
