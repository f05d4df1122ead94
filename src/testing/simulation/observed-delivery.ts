/** Adapters over a network that loses requests and answers, and targets that are counted. */
import type { DeliveryAdapter } from "../../ports/delivery.ts";
import type { DeliveryConfig } from "../../run/types.ts";
import { type Place, takesTime } from "./observed-tool.ts";

/** Delays of a world that lasts for minutes. */
const SCHEDULE_MS: readonly number[] = [0, 500, 1_000, 1_000, 2_000, 2_000, 4_000, 4_000];

export function observedDelivery(delivery: DeliveryConfig, place: Place): DeliveryConfig {
  return {
    ...delivery,
    scheduleMs: delivery.scheduleMs ?? SCHEDULE_MS,
    adapters: delivery.adapters.map((adapter) => observedAdapter(adapter, place)),
  };
}

function observedAdapter(adapter: DeliveryAdapter, place: Place): DeliveryAdapter {
  const { oracle, outside, schedule, trouble } = place;
  const { random } = schedule;
  return {
    ...adapter,
    deliver: async (delivery, signal) => {
      oracle.deliveries.sent(delivery);
      await takesTime(place, { signal });
      const fails = random.chance(trouble.deliveryFails);
      if (fails && random.chance(0.5)) throw new Error("the target could not be reached");
      const report = await outside.do(() => adapter.deliver(delivery, signal));
      oracle.deliveries.reported(delivery, report);
      await takesTime(place, { signal });
      if (fails) throw new Error("the target did not answer");
      return report;
    },
  };
}
