/** Invariants 6, 8 and 9: of what a store keeps beside the journal. */
import { isDeepStrictEqual } from "node:util";
import { decide } from "../kernel/decide.ts";
import type { RunState } from "../kernel/state.ts";
import type { RunRow } from "../ports/store.ts";
import { deliveriesOf } from "../run/outcome.ts";
import { toRowChange } from "../run/status.ts";
import type { Report, RunRecord, SeenRecord } from "./invariants.ts";

export function isNotStranded({ row, inbox = [], isOrphan }: RunRecord, state: RunState, report: Report): void {
  if (row === undefined || state.finished || row.owner !== undefined) return;
  if (row.status === "interrupted") {
    if (isOrphan === false) report(6, undefined, "nobody owns it, and a sweep does not find it");
    return;
  }
  if (row.waitingFor === undefined) report(6, undefined, `it is ${row.status}, nobody owns it, and it waits for nothing`);
  const isDue = inbox.length > 0 && row.status === "waiting";
  if (isDue && isOrphan === false)
    report(6, undefined, `${inbox.length} entries wait in its inbox, and a sweep does not find it`);
}

export function deliveriesFollowTheEnd({ outbox }: RunRecord, state: RunState, report: Report): void {
  if (outbox === undefined) return;
  const wanted = state.finished ? (deliveriesOf(state, 0) ?? []).map(({ id }) => id) : [];
  const there = outbox.map(({ id }) => id);
  for (const id of wanted)
    if (!there.includes(id)) report(8, state.seq, `the run has ended, and its delivery ${id} is not there`);
  for (const id of there)
    if (!wanted.includes(id))
      report(8, state.seq, `the delivery ${id} is there, and the run ${state.finished ? "has no such" : "has not ended"}`);
  if (new Set(there).size < there.length) report(8, state.seq, "a delivery is there twice");
}

/**
 * What a run waits for depends on the time as well: a row may be of the moment of its last event, of when it was let go, or of when it was
 * taken.
 */
export function rowFollowsJournal({ row, lastAt }: SeenRecord, state: RunState, report: Report): void {
  if (row === undefined) return;
  const atRest = differences(row, state, 0);
  const moments = [row.updatedAt, lastAt];
  if (atRest.length === 0 || moments.some((at) => differences(row, state, at).length === 0)) return;
  for (const difference of atRest) report(9, state.seq, difference);
}

function differences(row: RunRow, state: RunState, at: number): readonly string[] {
  const decision = decide(state, { activeMs: state.activeMs, at });
  const { status, dueAt: _dueAt, waitingFor, ...figures } = toRowChange(state, decision);
  const expected: Partial<RunRow> = {
    ...(figures as Partial<RunRow>),
    agent: state.definition.name,
    seq: state.seq,
    status: status === "running" && row.owner === undefined ? "interrupted" : (status ?? "running"),
    ...(waitingFor === undefined || waitingFor === null ? {} : { waitingFor }),
  };
  const found = Object.entries(expected).flatMap(([field, value]) => {
    const there = row[field as keyof RunRow];
    if (isDeepStrictEqual(there, value)) return [];
    return [`its row has ${field} ${show(there)}, and its journal says ${show(value)}`];
  });
  const isIdle = row.waitingFor !== undefined && expected.waitingFor === undefined;
  return isIdle ? [...found, `its row waits for ${show(row.waitingFor)}, and its journal for nothing`] : found;
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? "nothing";
}
