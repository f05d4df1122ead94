/** What must hold after a crash, compared with the same run undisturbed. */
import assert, { AssertionError } from "node:assert/strict";
import { canonical } from "../kernel/guards.ts";
import type { Delivery } from "../ports/delivery.ts";
import type { RunEvent } from "../ports/events.ts";
import type { JsonValue } from "../ports/json.ts";
import { type Durable, type Played, type Stop, whereOf } from "./crash-play.ts";
import type { Scenario } from "./crash-scenario.ts";
import type { LoggedEffect } from "./effect-log.ts";
import { describeViolations } from "./invariants.ts";

/** Throws an AssertionError that says where the crash was and what is wrong. */
export function checkPlayed(scenario: Scenario, undisturbed: Played, played: Played): void {
  const check: Check = (what, body) => at(played, what, body);
  for (const { violations } of [...played.stops, played])
    check("invariants", () => assert.deepEqual(violations, [], describeViolations(violations)));
  checkEnding(check, undisturbed, played);
  checkEffects(check, played);
  checkRecomputed(check, played);
  checkDeliveries(check, undisturbed, played);
  if (scenario.mayGetLessFar === true) return;
  checkOutside(check, undisturbed, { played, mayMiss: isInDoubt(played) });
  if (unknownCalls(played) === 0) checkTranscripts(check, undisturbed, played);
}

type Check = (what: string, body: () => void) => void;

function at(played: Played, what: string, body: () => void): void {
  try {
    body();
  } catch (error) {
    if (!(error instanceof AssertionError)) throw error;
    const { actual, expected, operator } = error;
    // The first line is the message; the difference is added to it again.
    const [problem = ""] = error.message.split("\n");
    throw new AssertionError({ message: `${whereOf(played.stops)}: ${what}: ${problem}`, actual, expected, operator });
  }
}

/** Calls of the whole tree of which nobody knows whether they happened. */
export function unknownCalls({ runs }: Pick<Played, "runs">): number {
  let unknown = 0;
  for (const { events } of runs.values())
    unknown += events.filter((event) => event.type === "tool.ended" && event.outcome === "unknown").length;
  return unknown;
}

function checkEnding(check: Check, undisturbed: Played, played: Played): void {
  check("its status", () => {
    assert.equal(
      played.result.status,
      undisturbed.result.status,
      `${played.result.status} instead of ${undisturbed.result.status}${because(played)}`,
    );
    for (const [run, { events }] of played.runs) assert.equal(events.at(-1)?.type, "run.finished", `${run} has not ended`);
  });
}

const because = ({ result: { error, waitingFor } }: Played): string => {
  if (error !== undefined) return `: ${error.message}`;
  return waitingFor === undefined ? "" : `: it waits for ${JSON.stringify(waitingFor)}`;
};

function checkEffects(check: Check, { effects, runs, stops }: Played): void {
  const isAskedFor = ({ run, call }: LoggedEffect): boolean =>
    runs.get(run)?.events.some((event) => event.type === "call.resolved" && event.call === call && event.outcome === "retry") ??
    false;
  check("effects", () => {
    const again = [...effects.repeated(), ...stops.flatMap((stop) => resumedAgain(stop, effects.effects))];
    const repeated = again.filter((effect) => !isAskedFor(effect));
    assert.deepEqual(repeated.map(nameOf), [], `${repeated.map(nameOf).join(", ")}: a \`once\` call ran again`);
    const made = effects.madeUp().map(nameOf);
    assert.deepEqual(made, [], `${made.join(", ")}: it says that the call is done, which was never begun`);
    const wrong = effects.wrongKeys().map(nameOf);
    assert.deepEqual(wrong, [], `${wrong.join(", ")}: not the idempotency key of this call`);
    for (const stop of stops) {
      const over = committed(stop, (event) => (event.type === "tool.ended" ? event.call : undefined));
      const again = effects.effects.slice(stop.effects).filter(({ run, call }) => over.has(`${run} ${call}`));
      assert.deepEqual(again.map(nameOf), [], `${again.map(nameOf).join(", ")}: a call whose result was committed ran again`);
    }
  });
}

/** Goes at `once` calls that follow a `resume` whose new wait was lost when its process stopped, and nobody found that undone. */
function resumedAgain({ runs, effects: begun }: Stop, effects: readonly LoggedEffect[]): readonly LoggedEffect[] {
  const isLost = ({ run, call }: LoggedEffect): boolean => {
    const ofCall = effects
      .slice(0, begun)
      .filter((other) => other.run === run && other.call === call && other.suspended === true);
    const waits = runs.get(run)?.events.filter((event) => WAITS.has(event.type) && "call" in event && event.call === call);
    return ofCall.length > (waits?.length ?? 0);
  };
  const lost = effects.slice(0, begun).filter((go) => go.part === "resume" && go.suspended === true && isLost(go));
  return lost.flatMap(({ run, call, effect, onUnknown }) => {
    const next = effects.slice(begun).find((go) => go.run === run && go.call === call);
    return effect !== "once" || onUnknown === "rerun" || next?.part !== "resume" ? [] : [next];
  });
}

const WAITS: ReadonlySet<string> = new Set(["tool.suspended", "question.asked"]);

const nameOf = ({ tool, run, call, part }: LoggedEffect): string => `${part} of ${tool}, call ${call} of ${run}`;

/** Model answers that were journaled are not asked for again. */
function checkRecomputed(check: Check, { stops, modelCalls }: Played): void {
  check("model calls", () => {
    for (const [i, stop] of stops.entries()) {
      const answered = committed(stop, (event) => (event.type === "model.answered" ? event.step : undefined));
      const later = modelCalls.slice(i + 1).flat();
      const again = later
        .filter(({ run, step }) => answered.has(`${run} ${step}`))
        .map(({ run, step }) => `step ${step} of ${run}`);
      assert.deepEqual(again, [], `${again.join(", ")}: an answer that was committed was asked for again`);
    }
  });
}

function committed({ runs }: Stop, pick: (event: RunEvent) => string | number | undefined): ReadonlySet<string> {
  const found = new Set<string>();
  for (const [run, { events }] of runs) {
    for (const event of events) {
      const what = pick(event);
      if (what !== undefined) found.add(`${run} ${what}`);
    }
  }
  return found;
}

/** A delivery is in the outbox if and only if its run has ended, has the same id in every attempt, and arrives. */
function checkDeliveries(check: Check, undisturbed: Played, played: Played): void {
  check("deliveries", () => {
    for (const durable of [...played.stops, played]) checkOutbox(durable, played);
    const standing = ({ outbox }: Played): readonly string[] => outbox.map(({ id, status }) => `${id} ${status}`).toSorted();
    assert.deepEqual(standing(played), standing(undisturbed), "other deliveries");
    checkSent(played);
  });
}

/** Compared with the outbox at the end. */
function checkOutbox({ outbox, runs }: Durable, end: Durable): void {
  const hasEnded = (run: string): boolean => runs.get(run)?.events.at(-1)?.type === "run.finished";
  const there = new Set(outbox.map(({ id }) => id));
  for (const { id, run } of outbox) assert.ok(hasEnded(run), `${id} is to be delivered though ${run} has not ended`);
  for (const { id, run } of end.outbox)
    assert.ok(there.has(id) || !hasEnded(run), `${run} has ended and ${id} is not in the outbox`);
}

function checkSent({ sent, outbox }: Played): void {
  const last = new Map<string, Delivery>();
  for (const { delivery } of sent) {
    const { id, body, attempt } = delivery;
    const before = last.get(id);
    assert.equal(body, before?.body ?? body, `${id} was sent again with another body`);
    assert.ok(attempt > (before?.attempt ?? 0), `${id} was sent again and does not say so`);
    last.set(id, delivery);
  }
  const arrived = new Set(sent.flatMap(({ delivery, outcome }) => (outcome === "delivered" ? [delivery.id] : [])));
  const claimed = outbox.filter(({ id, status }) => status === "delivered" && !arrived.has(id)).map(({ id }) => id);
  assert.deepEqual(claimed, [], `${claimed.join(", ")}: said to be delivered and never was`);
}

/** A person may have said what became of a call, and be wrong. */
function isInDoubt(played: Played): boolean {
  return (
    unknownCalls(played) > 0 ||
    [...played.runs.values()].some(({ events }) => events.some(({ type }) => type === "call.resolved"))
  );
}

function checkOutside(
  check: Check,
  { outside: expected }: Played,
  { played, mayMiss }: { readonly played: Played; readonly mayMiss: boolean },
): void {
  const { outside: actual } = played;
  check("what happened outside", () => {
    if (!Array.isArray(expected) || !Array.isArray(actual)) {
      if (!mayMiss) assert.deepEqual(actual, expected, "it is not as undisturbed");
      return;
    }
    const more = without(actual, expected);
    if (more.length > 0) assert.deepEqual(actual, expected, `${JSON.stringify(more)} happened more often than undisturbed`);
    const missing = without(expected, actual);
    if (missing.length > 0 && !mayMiss) assert.deepEqual(actual, expected, `${JSON.stringify(missing)} did not happen`);
  });
}

/** Items of the first list that are not in the second, each as often as it is there. */
function without(items: readonly unknown[], others: readonly unknown[]): readonly unknown[] {
  const left = others.map((item) => canonical(item as JsonValue));
  return items.filter((item) => {
    const index = left.indexOf(canonical(item as JsonValue));
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
}

/** How far a child comes that is stopped with its parent depends on when it hears of it. */
const STOPPED: ReadonlySet<string> = new Set(["cancelled", "killed"]);

function checkTranscripts(check: Check, undisturbed: Played, played: Played): void {
  check("runs", () => assert.deepEqual([...played.runs.keys()].toSorted(), [...undisturbed.runs.keys()].toSorted()));
  const others = [...undisturbed.runs].filter(([run, { row }]) => run === undisturbed.result.run || !STOPPED.has(row.status));
  for (const [run, { transcript }] of others)
    check(`the transcript of ${run}`, () =>
      assert.deepEqual(played.runs.get(run)?.transcript, transcript, "it is not as undisturbed"),
    );
}
