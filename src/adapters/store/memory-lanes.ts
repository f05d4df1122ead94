/** Lanes of the store in memory. */
import type { LaneHead, LanePlace, LaneQuery, LaneSlot } from "../../ports/lanes.ts";

interface LaneRun {
  readonly created: { readonly run: string; readonly lane?: LanePlace };
  readonly key: number;
  readonly owner: { readonly diedAt: number | undefined } | undefined;
  readonly queued: boolean;
  readonly finished: boolean;
}

export function isLaneFull(runs: Iterable<LaneRun>, { key, concurrency, group, total }: LaneSlot): boolean {
  const places = drivenPlaces(runs);
  if (places.filter((place) => place.key === key).length >= concurrency) return true;
  if (total === undefined || group === undefined) return false;
  return places.filter((place) => place.group === group).length >= total;
}

export function laneHeads(runs: ReadonlyMap<string, LaneRun>, { skip = [], limit, after = "" }: LaneQuery): readonly LaneHead[] {
  const driven = drivenPlaces(runs.values());
  const first = new Map<string, LaneHead>();
  for (const [run, candidate] of runs) {
    const { lane: place } = candidate.created;
    if (place === undefined || !isWaiting(candidate) || place.key <= after || skip.includes(run)) continue;
    const head = first.get(place.key);
    if (head !== undefined && head.place.priority >= place.priority) continue;
    const running = driven.filter(({ key }) => key === place.key).length;
    first.set(place.key, { run, place, position: candidate.key, running });
  }
  return [...first.values()].toSorted((a, b) => (a.place.key < b.place.key ? -1 : 1)).slice(0, limit);
}

function isWaiting(run: LaneRun): boolean {
  return run.queued && !run.finished && !isDriven(run);
}

function isDriven({ owner, finished }: LaneRun): boolean {
  return !finished && owner !== undefined && owner.diedAt === undefined;
}

function drivenPlaces(runs: Iterable<LaneRun>): readonly LanePlace[] {
  const places: LanePlace[] = [];
  for (const run of runs) if (run.created.lane !== undefined && isDriven(run)) places.push(run.created.lane);
  return places;
}
