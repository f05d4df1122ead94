/** Lanes of a simulated world: no process takes a run where as many are driven as may be. */
import type { LanePlace } from "../../ports/lanes.ts";
import type { Scene } from "./scene.ts";
import type { Premises } from "./simulated-store.ts";

/**
 * Right after it was taken. One that is taken only to be ended needs no room. A process that was given up and comes back has its runs
 * again, however many others have begun meanwhile.
 */
export async function laneHasRoom(scene: Scene, premises: Pick<Premises, "owners">, run: string): Promise<void> {
  const place = placeOf(scene, run);
  if (place === undefined || (await isToEnd(scene, run))) return;
  const driven = [...premises.owners].flatMap(([other, { host }]) => {
    const isDriven = !host.isGivenUp && scene.runs.get(other)?.check.state?.finished !== true;
    return isDriven ? (placeOf(scene, other) ?? []) : [];
  });
  const inLane = driven.filter(({ key }) => key === place.key).length;
  if (inLane > place.concurrency)
    scene.problem(`${run} is taken, and ${inLane} runs of the lane ${place.key} are driven, which may be ${place.concurrency}`);
  const inGroup = driven.filter(({ group }) => group !== undefined && group === place.group).length;
  if (place.total !== undefined && inGroup > place.total)
    scene.problem(`${run} is taken, and ${inGroup} runs of ${place.group} are driven, which may be ${place.total}`);
}

async function isToEnd(scene: Scene, run: string): Promise<boolean> {
  if (scene.runs.get(run)?.check.state?.cancel !== undefined) return true;
  return (await scene.store.inbox.pending(run)).some(({ kind }) => kind === "cancel" || kind === "kill");
}

function placeOf(scene: Scene, run: string): LanePlace | undefined {
  return scene.runs.get(run)?.check.state?.request.lane;
}
