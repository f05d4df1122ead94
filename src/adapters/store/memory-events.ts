/** The events of a run in memory. */
import type { EventBody, EventHeader, RunEvent } from "../../ports/events.ts";

/** Put together when it is read: most events never are, and a frozen copy costs more than all the rest of an append. */
export interface Written {
  readonly body: EventBody;
  readonly header: Omit<EventHeader, "seq">;
}

export function toEvent({ body, header }: Written, seq: number): RunEvent {
  return Object.freeze({ ...body, ...header, seq });
}
