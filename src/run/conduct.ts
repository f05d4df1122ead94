/** One run in the hands of this process: driven, let go, and what is said of it. */
import { isExecutusError, messageWithHint } from "../kernel/errors.ts";
import type { RunError } from "../ports/view.ts";
import { tellParent } from "./child-end.ts";
import type { Core } from "./core.ts";
import { type DriveEnd, drive } from "./driver.ts";
import { Handle } from "./handle.ts";
import { letGo } from "./let-go.ts";
import { toResult } from "./result.ts";
import type { Session } from "./session.ts";
import { closeSources } from "./sources.ts";
import { asLeftWaiting, toRowChange } from "./status.ts";
import type { RunHandle, RunResult } from "./types.ts";

/** Drive a session in the background; from here on it is this process's run. */
export function launch(core: Core, session: Session): RunHandle {
  const { run } = session;
  const handle = new Handle(core, run, conduct(core, session));
  core.live.set(run, { session, handle });
  return handle;
}

/** Drive to the end, let go of the run, and say how it ended. Never rejects. */
async function conduct(core: Core, session: Session): Promise<RunResult> {
  let failure: RunError | undefined;
  let end: DriveEnd | undefined;
  try {
    session.inboxChanged = true;
    end = await drive(session);
    if (end === "fenced") failure = { code: "run_owned", message: "another process took this run over" };
    if (end === "finished") await tellParent(core, session);
    if (end === "finished" && session.state.request.delivery !== undefined) core.deliverer.kick();
  } catch (error) {
    failure = toRunError(core.ports.redaction?.error(error) ?? error);
    session.warn(`the run stands still: ${failure.message}`);
  }
  if (session.desk !== undefined) await closeSources(session);
  const result = toResult(session, failure);
  await leave(core, session, end);
  return result;
}

/** Whoever wants the run while it is being let go waits for that. */
async function leave(core: Core, session: Session, end: DriveEnd | undefined): Promise<void> {
  const { run, epoch, state } = session;
  const isHeld = !session.fenced && !state.finished;
  const row = end === "waiting" ? toRowChange(state, asLeftWaiting(state)) : undefined;
  const left = isHeld ? letGo(core, { run, epoch, row }) : undefined;
  core.live.delete(run);
  await left;
  if (state.request.lane !== undefined) void Promise.resolve(core.leaving.get(run)).then(() => core.queue.kick());
  if (end === "waiting") await core.engine.parked(session);
}

export function toRunError(error: unknown): RunError {
  if (isExecutusError(error)) return { code: error.code, message: messageWithHint(error) };
  return { code: "port_failed", message: error instanceof Error ? error.message : String(error) };
}
