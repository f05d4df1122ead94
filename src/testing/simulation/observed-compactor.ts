/** A compactor that takes time and fails. */
import type { Compactor } from "../../ports/compactor.ts";
import { type Place, takesTime } from "./observed-tool.ts";

export function observedCompactor(compactor: Compactor, place: Place): Compactor {
  const { outside, schedule, trouble } = place;
  return {
    compact: async (request) => {
      await takesTime(place, request);
      if (schedule.random.chance(trouble.compactorFails)) throw new Error("no summary could be made in the simulation");
      return outside.do(() => compactor.compact(request));
    },
  };
}
