import assert from "node:assert/strict";
import type { RunEvent } from "../ports/events.ts";
import type { Observer } from "../ports/observer.ts";
import { settles, type Subject, suite } from "./conformance.ts";
import { type Heard, type Scene, scene, textOf } from "./observer-scenes.ts";
import type { TestApi } from "./store-conformance.ts";

export interface ObserverUnderTest extends Subject {
  readonly observer: Observer;
  /** What it has passed on so far, in its order, if it passes on every event. */
  readonly passedOn?: () => Promise<readonly { readonly run: string; readonly seq: number }[]>;
  /** What it shows of the answer that a run is being given, if it shows what is streamed. */
  readonly shown?: (run: string) => Promise<string>;
}

/** A hook may be slow now and then (a collection, another test), but not as a rule. */
const USUAL_MS = 5;
const STREAMED = 200;

/** Copies: what is heard of a run is the same for the next test, whatever this one does to it. */
function copied(heard: readonly Heard[]): readonly Heard[] {
  return structuredClone(heard);
}

const scenes = new Map<string, Promise<Scene>>();

async function sceneOf(run: string): Promise<Scene> {
  const known = scenes.get(run) ?? scene(run);
  scenes.set(run, known);
  const { begun, takenOver } = await known;
  return { begun: copied(begun), takenOver: copied(takenOver) };
}

async function wholeRun(run: string): Promise<readonly Heard[]> {
  const { begun, takenOver } = await sceneOf(run);
  return [...begun, ...takenOver];
}

/** Tells an observer as a driver does; rejects as soon as one of its hooks does not keep O2. */
async function play({ observer }: ObserverUnderTest, heard: readonly Heard[]): Promise<void> {
  const watching = heard.map((one) => hooked(observer, one));
  await settles(Promise.all(watching));
}

function hooked(observer: Observer, heard: Heard): unknown {
  switch (heard.hook) {
    case "events":
      return observer.events?.(heard.run, heard.events);
    case "delta":
      return observer.delta?.(heard.origin, heard.delta);
    case "warning":
      return observer.warning?.(heard.run, heard.message);
  }
}

/** Of two runs that go on at the same time. */
function interleaved(one: readonly Heard[], other: readonly Heard[]): readonly Heard[] {
  return Array.from({ length: Math.max(one.length, other.length) }, (_, i) => [one[i], other[i]].filter(isThere)).flat();
}

const isThere = (heard: Heard | undefined): heard is Heard => heard !== undefined;

function toldEvents(heard: readonly Heard[]): readonly { readonly run: string; readonly seq: number }[] {
  return heard.flatMap((one) => (one.hook === "events" ? one.events.map(({ seq }) => ({ run: one.run, seq })) : []));
}

const warning = (run: string, message: string): Heard => ({ hook: "warning", run, message });

/** How long each hook took, ms. */
function timed(observer: Observer, heard: readonly Heard[]): readonly number[] {
  return heard.map((one) => {
    const before = performance.now();
    const watching = hooked(observer, one);
    const took = performance.now() - before;
    if (watching instanceof Promise) watching.catch(() => {});
    return took;
  });
}

function streamed(run: string): readonly Heard[] {
  const origin = { run, step: 0, attempt: 2 };
  return Array.from({ length: STREAMED }, (_, i) => ({ hook: "delta", origin, delta: { type: "text.delta", text: `${i} ` } }));
}

/** Up to the moment at which the second attempt has streamed three pieces. */
function intoSecondAttempt(heard: readonly Heard[]): readonly Heard[] {
  const pieces = heard.flatMap((one, i) => (one.hook === "delta" && one.origin.attempt === 2 ? [i] : []));
  return heard.slice(0, (pieces[2] ?? 0) + 1);
}

/**
 * What every Observer must do: O1 to O6 of its port.
 *
 * @example
 * observerConformance({ describe, it }, "my observer", async () => ({ observer: createMyObserver() }));
 */
export function observerConformance(api: TestApi, name: string, open: () => Promise<ObserverUnderTest>): void {
  suite(api, `${name} keeps the promises of an observer`, {
    open,
    tests: (test) => {
      test("watches a run from its beginning to its end without failing (O2)", async (subject) => {
        await play(subject, await wholeRun("a"));
      });

      test("returns at once (O1)", async ({ observer }) => {
        const { begun } = await sceneOf("a");
        const took = timed(observer, [...begun.slice(0, 1), ...streamed("a"), ...begun.slice(1)]).toSorted((a, b) => a - b);
        const usual = took[Math.floor(took.length * 0.95)] ?? 0;
        const mean = took.reduce((sum, ms) => sum + ms, 0) / took.length;
        assert.ok(usual < USUAL_MS, `one call in twenty takes ${usual.toFixed(1)} ms or more: every run stands still meanwhile`);
        assert.ok(mean < USUAL_MS, `its calls take ${mean.toFixed(1)} ms on average: every run stands still meanwhile`);
      });

      test("changes nothing of what it is given (O3)", async (subject) => {
        const heard = await wholeRun("a");
        const before = copied(heard);
        await play(subject, heard).catch(() => {});
        await subject.passedOn?.();
        assert.deepEqual(heard, before);
      });

      test("takes up a run that another process began, and hears warnings at any time (O4)", async (subject) => {
        const { takenOver } = await sceneOf("a");
        const late = warning("a", "a read came back after it had been abandoned; its result was not used");
        await play(subject, [
          warning("a", "files were left out"),
          ...takenOver,
          late,
          warning("unheard-of", "it cannot be read"),
        ]);
      });

      test("watches two runs at once (O4)", async (subject) => {
        await play(subject, interleaved(await wholeRun("a"), await wholeRun("b")));
      });

      test("passes on every event once and in order, of each run (O4)", async (subject) => {
        if (subject.passedOn === undefined) return;
        const heard = interleaved(await wholeRun("a"), await wholeRun("b"));
        const told = toldEvents(heard);
        await play(subject, heard);
        assert.deepEqual(await subject.passedOn(), told);
      });

      test("starts over with what is streamed when a call is tried again (O5)", async (subject) => {
        if (subject.shown === undefined) return;
        const { begun } = await sceneOf("a");
        await play(subject, intoSecondAttempt(begun));
        assert.equal((await subject.shown("a")).trim(), textOf(0, 2).split(" ").slice(0, 3).join(" "));
      });

      test("passes over types of events that it does not know (O6)", async (subject) => {
        const { begun } = await sceneOf("a");
        const header = { seq: 1_000, epoch: 1, at: 0, activeMs: 0 };
        const unknown = { ...header, type: "moon.risen", v: 9, phase: "full" } as unknown as RunEvent;
        await play(subject, [...begun, { hook: "events", run: "a", events: [unknown] }]);
      });
    },
  });
}
