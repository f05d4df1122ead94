import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createFakeClock } from "../testing/fake-clock.ts";
import type { EventBody, RunEvent } from "../ports/events.ts";
import { plan } from "./commit.ts";
import { foldJournal } from "./result.ts";
import { Session, type SessionPorts } from "./session.ts";

/** A run whose one call has just started. */
function sessionInACall(): Session {
  const file = join(import.meta.dirname, "../../test/golden/v0.1/crash-in-a-call-that-had-not.jsonl");
  const events = readFileSync(file, "utf8")
    .split("\n")
    .slice(0, 4)
    .map((line) => JSON.parse(line) as RunEvent);
  const folded = foldJournal(events);
  if (folded === undefined) throw new Error("no run");
  const ports = { clock: createFakeClock(), observers: [] } as unknown as SessionPorts;
  return new Session({ ...folded, ports, epoch: 1, tools: new Map(), candidates: new Map(), sources: undefined });
}

const ended: EventBody = { type: "tool.ended", call: "0.0", outcome: "ok", output: { type: "text", value: "paid" } };

function arriving(session: Session, ...events: readonly EventBody[]): () => unknown {
  const [call] = session.state.calls;
  if (call === undefined) throw new Error("no call");
  const effect = { kind: "tool" as const, id: "tool:0.0#0", call };
  return () => plan(session, [{ effect, events }], []).events.map(({ type }) => type);
}

it("a commit holds no second result of a call, whatever its effect brought (C3)", () => {
  const session = sessionInACall();
  expect(arriving(session, ended)()).toEqual(["tool.ended", "model.started"]);
  expect(arriving(session, ended, ended)).toThrow("was about to append a second result of the call 0.0; nothing was written");
});

it("a commit holds no second start of a call that is under way (C3)", () => {
  expect(arriving(sessionInACall(), { type: "tool.started", call: "0.0" })).toThrow("a start of the call 0.0, which is started");
});
