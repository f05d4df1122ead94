/** The index of runs of the store in memory. */
import type { RunQuery, RunRow } from "../../ports/store.ts";
import { type Data, isOwned, type MemoryRun } from "./memory-data.ts";
import { present } from "./present.ts";

export function toRow(run: MemoryRun): RunRow {
  const { caller, channel, tenant, parent, root, continues, labels, at: createdAt, run: name, agent } = run.created;
  const owned = isOwned(run);
  return {
    run: name,
    agent,
    status: run.status === "running" && !owned && !run.finished ? "interrupted" : run.status,
    createdAt,
    updatedAt: run.at,
    seq: run.events.length - 1,
    step: run.step,
    tokens: run.tokens,
    costUsd: run.costUsd,
    ...present({ caller, channel, tenant, parent, root, continues, labels, waitingFor: run.waitingFor, dueAt: run.dueAt }),
    ...present({ owner: owned ? run.owner?.name : undefined }),
  };
}

export function list(data: Data, query: RunQuery): readonly RunRow[] {
  return candidates(data, query)
    .toSorted((a, b) => b.created.at - a.created.at || b.key - a.key)
    .map(toRow)
    .filter((row) => matches(row, query))
    .slice(0, query.limit ?? 100);
}

function candidates(data: Data, { idempotencyKey }: RunQuery): readonly MemoryRun[] {
  if (idempotencyKey === undefined) return [...data.runs.values()];
  const run = data.runs.get(data.keys.get(idempotencyKey) ?? "");
  return run === undefined ? [] : [run];
}

function matches(row: RunRow, query: RunQuery): boolean {
  const { status, label, prefix, createdAfter } = query;
  if (status !== undefined && !status.includes(row.status)) return false;
  if (label !== undefined && row.labels?.[label[0]] !== label[1]) return false;
  if (prefix !== undefined && !row.run.startsWith(prefix)) return false;
  if (createdAfter !== undefined && row.createdAt <= createdAfter) return false;
  return (["agent", "caller", "channel", "tenant", "parent", "root", "continues"] as const).every(
    (field) => query[field] === undefined || row[field] === query[field],
  );
}
