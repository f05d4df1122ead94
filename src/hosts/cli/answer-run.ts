/** Answering what a run waits for: finding it, telling the run, and saying what came of it. */
import { setTimeout as pause } from "node:timers/promises";
import { ExecutusError } from "../../kernel/errors.ts";
import { newId } from "../../run/ids.ts";
import { systemClock } from "../../adapters/clock/system.ts";
import type { OpenWait, RunState } from "../../kernel/state.ts";
import type { RunRow } from "../../ports/store.ts";
import type { Wait } from "../../ports/waiting.ts";
import type { Command as RunCommand } from "../../run/types.ts";
import { loadState } from "./continue.ts";
import { findRun } from "./find-run.ts";
import type { Host } from "./open.ts";
import { note } from "./output.ts";
import { tell, whenHeard } from "./tell.ts";
import { toStatusView } from "../../run/status.ts";
import { adviceOn, waitsOf } from "./view/waits.ts";

export interface Asked {
  readonly row: RunRow;
  readonly state: RunState;
  readonly wait: Wait;
}

/** The one thing of that kind that the run waits for, or the one of the given call; rejects `request_invalid`, naming what there is. */
export async function findWait(
  host: Host,
  given: string,
  wanted: { readonly kind: Wait["for"]; readonly call?: string },
): Promise<Asked> {
  const row = await findRun(host.store, given);
  const state = await loadState(host.store, row.run);
  if (state === undefined) throw new ExecutusError("run_unknown", `there is no run ${row.run} in this store`, { run: row.run });
  const waits = openWaits(state).filter((wait) => wait.for === wanted.kind);
  const { call } = wanted;
  const fitting = call === undefined ? waits : waits.filter((wait) => wait.call === call || wait.id === call);
  const [only] = fitting;
  if (only !== undefined && fitting.length === 1) return { row, state, wait: only };
  throw notAsked(row, waits, wanted);
}

/** Also of a run that is still busy with other calls. */
function openWaits(state: RunState): readonly Wait[] {
  const waits: Wait[] = [];
  for (const { id, name, status, wait } of state.calls) {
    if ((status === "asked" || status === "suspended") && wait !== undefined)
      waits.push({ ...asWait(wait), call: id, tool: name });
  }
  if (state.question !== undefined) waits.push(asWait(state.question));
  return waits.length > 0 ? waits : waitsOf(toStatusView(state).waitingFor);
}

const asWait = ({ for: kind, id, choices }: OpenWait): Wait => ({ for: kind, id, ...(choices === undefined ? {} : { choices }) });

function notAsked(
  { run }: RunRow,
  waits: readonly Wait[],
  { kind, call }: { readonly kind: Wait["for"]; readonly call?: string },
): ExecutusError {
  const open = waits.map((wait) => `${wait.call ?? wait.id}${wait.tool === undefined ? "" : ` (${wait.tool})`}`);
  const what = kind === "approval" ? "waits for no approval" : "has asked nothing";
  const message =
    open.length > 1 && call === undefined
      ? `${run} waits for several answers`
      : `${run} ${what}${call === undefined ? "" : ` at ${call}`}`;
  const hint = open.length === 0 ? `What it does: executus show ${run}` : `Name one of them: ${open.join(", ")}.`;
  return new ExecutusError("request_invalid", message, { run, hint });
}

/** How long somebody who drives the run is given to say what it made of the answer. */
const PATIENCE_MS = 3_000;
const LOOK_MS = 50;

/** Tells the run, and says what came of it. The exit code: 2 when the answer changed nothing. */
export async function answer(host: Host, row: RunRow, command: RunCommand, done: string): Promise<number> {
  const id = newId("in", systemClock);
  const told = await tell(host, row, command, id);
  const refusal = row.owner === undefined ? undefined : await refusalOf(host, row, id);
  if (refusal !== undefined) {
    throw new ExecutusError("request_invalid", `${row.run} made nothing of it: ${refusal}`, { run: row.run });
  }
  note(`${row.run}: ${done}; ${whenHeard(told, host.db)}`);
  return 0;
}

async function refusalOf(host: Host, { run, seq }: RunRow, id: string): Promise<string | undefined> {
  for (let waited = 0; waited < PATIENCE_MS; waited += LOOK_MS) {
    for (const event of await host.store.journal.read(run, { after: seq })) {
      if (!("id" in event) || event.id !== id) continue;
      return event.type === "answer.refused" ? event.message : undefined;
    }
    await pause(LOOK_MS);
  }
  return undefined;
}

/** For the person who has to answer: everything that is waited for, each with its command. */
export function adviceLines(
  run: string,
  waits: readonly Wait[],
  { state, db }: { readonly state?: RunState; readonly db: string },
): readonly string[] {
  return adviceOn(waits, { run, db, calls: state?.calls ?? [] }).flatMap(({ text, command }) =>
    command === undefined ? [text] : [text, `  ${command}`],
  );
}
