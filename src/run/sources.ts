/** The tool sources of a run in this process: their code, and what is open of them. */
import type { SourceIdentity } from "../ports/tool-source.ts";
import type { SourceState } from "../kernel/state.ts";
import type { Session } from "./session.ts";
import type { SourceDesk } from "./source-desk.ts";

/** Run ids and names of sources hold nothing that a file name could not, but the colon. */
export function sourceKey(run: string, source: string): string {
  return `${run}.${source}`;
}

export function identityOf(session: Session, source: SourceState, signal: AbortSignal): SourceIdentity {
  return {
    run: session.run,
    source: source.name,
    key: sourceKey(session.run, source.name),
    ...(source.arguments === undefined ? {} : { arguments: source.arguments }),
    left: source.left,
    signal,
  };
}

export function sourceState(session: Session, name: string): SourceState | undefined {
  return session.state.sources.find((source) => source.name === name);
}

/** This process lets go of the run. What was left in the world stays there for the next one. */
export async function closeSources(session: Session): Promise<void> {
  const { desk } = session;
  if (desk === undefined) return;
  const { clock } = session.ports;
  let cancel = (): void => {};
  const grace = new Promise<void>((resolve) => (cancel = clock.after(session.state.limits.graceMs, resolve)));
  await Promise.race([closeAll(session, desk), grace]);
  cancel();
}

async function closeAll(session: Session, desk: SourceDesk): Promise<void> {
  await Promise.all([...desk.code.keys()].map((name) => closeOne(session, name)));
  await Promise.all(desk.opening.values());
}

async function closeOne(session: Session, name: string): Promise<void> {
  try {
    await session.desk?.take(name)?.close?.();
  } catch (error) {
    session.warn(`the tool source ${name} could not be closed: ${messageOf(error)}`);
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
