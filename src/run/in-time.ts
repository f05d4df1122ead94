/** Code of the agent's author that answers a question beside a call, and has no signal to be stopped with. */
import type { Session } from "./session.ts";

/** Its answer. Rejects once it has taken as long as a tool may (`toolTimeoutMs`); what comes later is not used. */
export async function inTime<T>({ state, timers }: Session, work: () => T | PromiseLike<T>): Promise<T> {
  const { toolTimeoutMs } = state.limits;
  let cancel = (): void => {};
  const late = new Promise<never>((_, reject) => {
    cancel = timers.after(toolTimeoutMs, () => reject(new Error(`it did not answer within ${toolTimeoutMs} ms`)));
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    cancel();
  }
}
