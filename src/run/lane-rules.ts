/** In which lane a request stands, if in any. */
import { ExecutusError, nearest } from "../kernel/errors.ts";
import type { LanePlace, LaneRule } from "../ports/lanes.ts";
import { checkId } from "./ids.ts";
import type { Agent, LaneRequest, LanesConfig, RunRequest } from "./types.ts";

/** A child holds up its parent, which may hold the place that the child would wait for: it is never queued. */
export function laneOf(
  lanes: LanesConfig | undefined,
  agent: Agent,
  request: RunRequest,
  isChild: boolean,
): LanePlace | undefined {
  const { lane } = request;
  if (isChild || (lanes === undefined && lane === undefined)) return undefined;
  const chosenBy: Record<string, unknown> = { agent: agent.name };
  for (const field of ["lane", "priority", "caller", "channel", "tenant", "labels"] as const) {
    if (request[field] !== undefined) chosenBy[field] = request[field];
  }
  return placeOf(lanes, chosenBy as unknown as LaneRequest);
}

/** Undefined: no lane, it starts at once. Throws ExecutusError `request_invalid` for a lane that has no rule. */
export function placeOf(lanes: LanesConfig | undefined, request: LaneRequest): LanePlace | undefined {
  if (typeof lanes === "function") return byFunction(lanes(request), request);
  const { lane, priority } = request;
  if (lane === undefined) return undefined;
  const found = ruleOf(lanes ?? {}, lane);
  if (found === undefined) throw withoutRule(lane, Object.keys(lanes ?? {}));
  const [pattern, rule] = found;
  return checkPlace({
    key: lane,
    concurrency: rule.concurrency,
    ...(rule.total === undefined ? {} : { group: pattern, total: rule.total }),
    priority: priority ?? rule.priority ?? 0,
  });
}

/** What holds for a lane now: a rule that was changed since its runs were queued goes before what they were queued with. */
export function currentPlace(lanes: LanesConfig | undefined, place: LanePlace): LanePlace {
  if (lanes === undefined || typeof lanes === "function") return place;
  const { key, priority } = place;
  return ruleOf(lanes, key) === undefined ? place : (placeOf(lanes, { agent: "", lane: key, priority }) ?? place);
}

/** The name itself, else the pattern with the longest beginning and end around its `*`. */
function ruleOf(rules: Readonly<Record<string, LaneRule>>, lane: string): readonly [pattern: string, rule: LaneRule] | undefined {
  const fitting = Object.entries(rules).filter(([pattern]) => fits(pattern, lane));
  const weight = (pattern: string): number => (pattern === lane ? Infinity : pattern.length);
  return fitting.toSorted(([a], [b]) => weight(b) - weight(a))[0];
}

function fits(pattern: string, lane: string): boolean {
  const star = pattern.indexOf("*");
  if (star < 0) return pattern === lane;
  const [start, end] = [pattern.slice(0, star), pattern.slice(star + 1)];
  return lane.length >= start.length + end.length && lane.startsWith(start) && lane.endsWith(end);
}

function byFunction(
  place: (Omit<LanePlace, "priority"> & { readonly priority?: number }) | undefined,
  { priority }: LaneRequest,
) {
  return place === undefined ? undefined : checkPlace({ ...place, priority: priority ?? place.priority ?? 0 });
}

function checkPlace(place: LanePlace): LanePlace {
  checkId(place.key, "lane");
  const { concurrency, total = 1, priority } = place;
  const isSound = Number.isInteger(concurrency) && concurrency > 0 && Number.isInteger(total) && total > 0;
  if (isSound && Number.isFinite(priority)) return place;
  throw invalid(
    `the lane ${place.key} has no usable limits`,
    "`concurrency` and `total` are whole numbers from 1 on, `priority` is a number.",
  );
}

function withoutRule(lane: string, patterns: readonly string[]): ExecutusError {
  const message = `there is no rule for the lane ${lane}`;
  if (patterns.length === 0) return invalid(message, 'Give the executor rules: lanes: { "*": { concurrency: 2 } }.');
  const near = nearest(lane, patterns);
  return invalid(message, near === undefined ? `There are rules for: ${patterns.join(", ")}.` : `Did you mean ${near}?`);
}

function invalid(message: string, hint: string): ExecutusError {
  return new ExecutusError("request_invalid", message, { hint });
}
