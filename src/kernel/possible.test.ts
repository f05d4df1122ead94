import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { RunEvent } from "../ports/events.ts";
import { evolve, initialState } from "./evolve.ts";
import { impossible } from "./possible.ts";
import type { RunState } from "./state.ts";

const folder = join(import.meta.dirname, "../../test/golden/v0.1");
const read = (name: string): RunEvent[] =>
  readFileSync(join(folder, name), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as RunEvent);

/** The state before the first event of a type. */
function before(name: string, type: RunEvent["type"]): { readonly state: RunState; readonly event: RunEvent } {
  const [first, ...rest] = read(name);
  if (first?.type !== "run.started") throw new Error("no start");
  let state = initialState(first, first);
  for (const event of rest) {
    if (event.type === type) return { state, event };
    state = evolve(state, event, event);
  }
  throw new Error(`${name} has no ${type}`);
}

describe("what a run may append", () => {
  it.each(readdirSync(folder).filter((name) => name.endsWith(".jsonl")))("is what %s has", (name) => {
    const [first, ...rest] = read(name);
    if (first?.type !== "run.started") throw new Error("no start");
    let state = initialState(first, first);
    for (const event of rest) {
      expect(impossible(state, event), `${name} at ${event.seq}`).toBeUndefined();
      state = evolve(state, event, event);
    }
  });

  it("is nothing after its end (PO1)", () => {
    const { state, event } = before("answered.jsonl", "run.finished");
    expect(impossible(evolve(state, event, event), event)).toBe("run.finished after the end of the run");
  });

  it("is no second start of a call that is under way or in doubt (PO2)", () => {
    const { state, event } = before("crash-in-a-call-that-had-not.jsonl", "tool.started");
    const started = evolve(state, event, event);
    expect(impossible(started, event)).toBe("a start of the call 0.0, which is started");
    const taken = evolve(started, event, { type: "attempt.started", process: "x/1", after: "crash" });
    expect(impossible(taken, event)).toBe("a start of the call 0.0, which is in-doubt");
    const settled = evolve(taken, event, { type: "tool.reconciled", call: "0.0", outcome: "not-done" });
    expect(impossible(settled, event)).toBeUndefined();
    expect(impossible(settled, { type: "tool.started", call: "0.7" })).toContain("not there");
  });

  it("is no second result (PO3)", () => {
    const { state, event } = before("answered.jsonl", "tool.ended");
    expect(impossible(evolve(state, event, event), event)).toBe("a second result of the call 0.0");
  });
});
