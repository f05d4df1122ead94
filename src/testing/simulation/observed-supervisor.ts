/** A supervisor that takes time, often more than it has, and fails. */
import type { Supervisor } from "../../ports/supervision.ts";
import { type Place, takesTime } from "./observed-tool.ts";

export function observedSupervisor(supervisor: Supervisor, place: Place): Supervisor {
  const { oracle, outside, schedule, trouble, host } = place;
  return {
    ...supervisor,
    decide: async (view) => {
      oracle.supervision.asked(view, host);
      await takesTime(place, view);
      if (schedule.random.chance(trouble.supervisorFails)) throw new Error("nothing could be decided in the simulation");
      return outside.do(() => supervisor.decide(view));
    },
  };
}
