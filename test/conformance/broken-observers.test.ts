/** That the suite for observers fails what does not keep their promises: one broken in one place each. */
import { expect, it } from "vitest";
import { createJsonLinesObserver } from "../../src/adapters/observers/json-lines.ts";
import type { Mutable } from "../../src/ports/mutable.ts";
import type { Observer } from "../../src/ports/observer.ts";
import * as kit from "../../src/testing/index.ts";
import { failuresAs, type Register } from "../support/failures.ts";

interface Line {
  readonly run: string;
  readonly seq: number;
}

/** Keeps lines, and the text that is being streamed. */
function whole(): Required<kit.ObserverUnderTest> & { readonly texts: Map<string, { attempt: number; text: string }> } {
  const lines: string[] = [];
  const texts = new Map<string, { attempt: number; text: string }>();
  const lineWriter = createJsonLinesObserver((line) => lines.push(line));
  const observer: Observer = {
    events: (run, events) => lineWriter.events?.(run, events),
    delta: ({ run, attempt }, { text }) => {
      const before = texts.get(run);
      texts.set(run, { attempt, text: before?.attempt === attempt ? before.text + text : text });
    },
  };
  return {
    observer,
    texts,
    passedOn: async () => lines.map((line) => JSON.parse(line) as Line).map(({ run, seq }) => ({ run, seq })),
    shown: async (run) => texts.get(run)?.text ?? "",
    close: async () => {},
  };
}

const observer = (broken: (subject: ReturnType<typeof whole>) => Partial<Observer>): Register => {
  return (api) =>
    kit.observerConformance(api, "broken", async () => {
      const subject = whole();
      return { ...subject, observer: { ...subject.observer, ...broken(subject) } };
    });
};

/** As a synchronous write to a slow disk does. */
function stall(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

const KNOWN = ["run.", "model.", "tool.", "child.", "approval.", "attempt."];

it.each<readonly [string, Register, readonly string[]]>([
  [
    "an observer that keeps everybody waiting",
    observer(({ observer }) => ({
      delta: (origin, delta) => {
        if (origin.attempt === 2) stall(6);
        observer.delta?.(origin, delta);
      },
    })),
    ["returns at once"],
  ],
  [
    "an observer that keeps everybody waiting now and then, for long",
    observer(({ observer }) => {
      let heard = 0;
      return {
        delta: (origin, delta) => {
          if (++heard % 100 === 0) stall(1_200);
          observer.delta?.(origin, delta);
        },
      };
    }),
    ["returns at once"],
  ],
  [
    "an observer that changes what it is given",
    observer(({ observer }) => ({
      events: (run, events) => {
        for (const event of events) if (event.type === "tool.ended") (event as Mutable<typeof event>).outcome = "ok";
        observer.events?.(run, events);
      },
    })),
    ["changes nothing"],
  ],
  [
    "an observer that changes it later",
    observer(({ observer }) => ({
      events: (run, events) => {
        observer.events?.(run, events);
        queueMicrotask(() => (events as unknown[]).pop());
      },
    })),
    ["changes nothing"],
  ],
  [
    "an observer that knows only runs whose beginning it heard",
    observer(({ observer }) => {
      const known = new Set<string>();
      return {
        events: (run, events) => {
          if (events.some(({ type }) => type === "run.started")) known.add(run);
          if (!known.has(run)) throw new Error(`there is no run ${run}`);
          observer.events?.(run, events);
        },
      };
    }),
    ["another process began"],
  ],
  [
    "an observer that cannot do with a warning about a run without events",
    observer(() => {
      const runs = new Map<string, object>();
      return {
        warning: async (run) => {
          if (!runs.has(run)) throw new Error(`there is no run ${run}`);
        },
      };
    }),
    ["another process began"],
  ],
  [
    "an observer that takes all runs for one",
    observer(({ observer }) => {
      let last = -1;
      return {
        events: (run, events) => {
          const fresh = events.filter(({ seq }) => seq > last);
          last = Math.max(last, ...fresh.map(({ seq }) => seq));
          observer.events?.(run, fresh);
        },
      };
    }),
    ["each run"],
  ],
  [
    "an observer that fails where two runs go on at once",
    observer(({ observer }) => {
      let current: string | undefined;
      return {
        events: (run, events) => {
          const roots = ["a", "b"];
          if (roots.includes(run) && current !== undefined && current !== run) throw new Error("one run after the other");
          if (roots.includes(run)) current = run;
          observer.events?.(run, events);
        },
      };
    }),
    ["two runs at once", "each run"],
  ],
  [
    "an observer that shows what a broken stream said before",
    observer(({ texts }) => ({
      delta: ({ run, attempt }, { text }) => texts.set(run, { attempt, text: `${texts.get(run)?.text ?? ""}${text}` }),
    })),
    ["tried again"],
  ],
  [
    "an observer that must know every type of event",
    observer(({ observer }) => ({
      events: async (run, events) => {
        observer.events?.(run, events);
        const unknown = events.find(({ type }) => !KNOWN.some((start) => type.startsWith(start)));
        if (unknown !== undefined) throw new Error(`what is ${unknown.type}?`);
      },
    })),
    ["does not know"],
  ],
])("%s fails", async (_name, register, parts) => {
  expect(await failuresAs(register, parts)).toEqual(parts.toSorted());
});

it("an observer without a hook, and one that keeps all promises, pass", async () => {
  expect(await failuresAs((api) => kit.observerConformance(api, "blind", async () => ({ observer: {} })), [])).toEqual([]);
  const kept = observer(() => ({}));
  expect(await failuresAs(kept, [])).toEqual([]);
});
