/** The golden journals, and stores that have them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { importRuns } from "../../src/adapters/store/sqlite-import.ts";
import { openSqliteStore } from "../../src/adapters/store/sqlite.ts";
import { exportRuns } from "../../src/adapters/store/transfer.ts";
import { totalTokens } from "../../src/kernel/state.ts";
import type { RunEvent } from "../../src/ports/events.ts";
import type { RunRow, Store } from "../../src/ports/store.ts";
import { foldJournal } from "../../src/run/result.ts";
import { toStatusView } from "../../src/run/status.ts";

const root = join(import.meta.dirname, "../golden");

export const goldenVersions: readonly string[] = readdirSync(root);

/** `version`, `name.jsonl`. */
export const goldenNames: readonly (readonly [version: string, name: string])[] = goldenVersions.flatMap((version) =>
  readdirSync(join(root, version))
    .filter((name) => name.endsWith(".jsonl"))
    .map((name) => [version, name] as const),
);

export function readGolden(version: string, name: string): readonly RunEvent[] {
  return readFileSync(join(root, version, name), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as RunEvent);
}

/** All of them, each under its own name. */
export function allGolden(): ReadonlyMap<string, readonly RunEvent[]> {
  return new Map(
    goldenNames.map(([version, name]) => {
      const run = `${version}-${name.replace(".jsonl", "")}`;
      return [run, JSON.parse(JSON.stringify(readGolden(version, name)).replaceAll("golden", run)) as readonly RunEvent[]];
    }),
  );
}

/** A new store file with these journals and true checksums. Nobody owns the runs. */
export async function writeStore(file: string, journals: ReadonlyMap<string, readonly RunEvent[]>): Promise<void> {
  await using store = openSqliteStore({ file });
  for (const [run, events] of journals) await importRuns(store, exportRuns(asStore(run, events), [run], { blobs: false }));
}

function asStore(run: string, events: readonly RunEvent[]): Store {
  const rows = { get: async () => rowOf(run, events) };
  const store = {
    runs: rows,
    journal: { read: async () => events },
    inbox: { pending: async () => [] },
    outbox: { list: async () => [] },
  };
  return store as unknown as Store;
}

function rowOf(run: string, events: readonly RunEvent[]): RunRow {
  const state = foldJournal(events)?.state;
  const last = events.at(-1);
  const [createdAt, updatedAt, seq] = [events[0]?.at ?? 0, last?.at ?? 0, events.length - 1];
  if (state === undefined)
    return { run, agent: "", status: "running", createdAt, updatedAt, seq, step: 0, tokens: 0, costUsd: 0 };
  const { status, step, waitingFor } = toStatusView(state);
  const { agent, costUsd, usage } = state;
  return {
    run,
    agent: agent.name,
    status,
    createdAt,
    updatedAt,
    seq,
    step,
    tokens: totalTokens(usage),
    costUsd,
    ...(waitingFor === undefined ? {} : { waitingFor }),
  };
}
