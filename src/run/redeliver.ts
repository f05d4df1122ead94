/** Delivering again what was given up, or what the receiver has lost. */
import { ExecutusError } from "../kernel/errors.ts";
import type { Core } from "./core.ts";

export async function redeliver(core: Core, id: string): Promise<void> {
  switch (await core.store.outbox.requeue(id, core.clock.now())) {
    case "queued":
      return core.deliverer.kick();
    case "unknown":
      throw new ExecutusError("delivery_unknown", `there is no delivery ${id} in this store`, {
        hint: "List them: executus deliveries ls",
      });
    case "sending":
      throw new ExecutusError("delivery_busy", `delivery ${id} is being sent just now`, { retryable: true });
  }
}
