/** The index of runs. Every value of a query is bound; names and paths never become part of a statement. */
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { RunQuery, RunRow } from "../../ports/store.ts";
import type { RunStatus, WaitingFor } from "../../ports/view.ts";
import { present } from "./present.ts";
import type { Processes } from "./sqlite-processes.ts";

interface IndexRow {
  readonly run: string;
  readonly agent: string;
  readonly caller: string | null;
  readonly channel: string | null;
  readonly tenant: string | null;
  readonly parent: string | null;
  readonly root: string | null;
  readonly continues: string | null;
  readonly labels: string | null;
  readonly created_at: number;
  readonly owner: number | null;
  readonly seq: number;
  readonly at: number;
  readonly status: Exclude<RunStatus, "interrupted">;
  readonly step: number;
  readonly tokens: number;
  readonly cost: number | "unknown";
  readonly waiting: string;
  readonly due_at: number | null;
}

const COLUMNS = `r.run, r.agent, r.caller, r.channel, r.tenant, r.parent, r.root, r.continues, r.labels, r.created_at,
  h.owner, h.seq, h.at, h.status, h.step, h.tokens, h.cost, h.waiting, h.due_at`;

export interface RunIndex {
  get(run: string): RunRow | undefined;
  list(query?: RunQuery): readonly RunRow[];
}

export function createRunIndex(db: DatabaseSync, processes: Processes): RunIndex {
  const one = db.prepare(`SELECT ${COLUMNS} FROM runs r JOIN heads h ON h.id = r.id WHERE r.run = ?`);
  return {
    get(run) {
      const row = one.get(run) as IndexRow | undefined;
      return row === undefined ? undefined : toRunRow(row, processes.alive());
    },
    list(query = {}) {
      const alive = processes.alive();
      const [where, values] = toWhere(query, [...alive.keys()]);
      const statement = db.prepare(`SELECT ${COLUMNS} FROM runs r JOIN heads h ON h.id = r.id ${where}
        ORDER BY r.created_at DESC, r.id DESC LIMIT ?`);
      const rows = statement.all(...values, Math.min(query.limit ?? 100, Number.MAX_SAFE_INTEGER));
      return rows.map((row) => toRunRow(row as unknown as IndexRow, alive));
    },
  };
}

const DERIVED_STATUS = `CASE WHEN h.status = 'running' AND (h.owner IS NULL OR h.owner NOT IN (SELECT value FROM json_each(?)))
  THEN 'interrupted' ELSE h.status END`;

function toWhere(query: RunQuery, alive: readonly number[]): readonly [where: string, values: readonly SQLInputValue[]] {
  const conditions: string[] = [];
  const values: SQLInputValue[] = [];
  const add = (condition: string, ...bound: SQLInputValue[]): void => {
    conditions.push(condition);
    values.push(...bound);
  };
  const { status, label, prefix, createdAfter, idempotencyKey } = query;
  for (const field of ["agent", "caller", "channel", "tenant", "parent", "root", "continues"] as const) {
    const value = query[field];
    if (value !== undefined) add(`r.${field} = ?`, value);
  }
  if (status !== undefined) {
    add(`${DERIVED_STATUS} IN (SELECT value FROM json_each(?))`, JSON.stringify(alive), JSON.stringify(status));
  }
  if (label !== undefined) add("EXISTS (SELECT 1 FROM json_each(r.labels) l WHERE l.key = ? AND l.value = ?)", ...label);
  if (prefix !== undefined) add("r.run >= ? AND substr(r.run, 1, length(?)) = ?", prefix, prefix, prefix);
  if (idempotencyKey !== undefined) add("r.idempotency_key = ?", idempotencyKey);
  if (createdAfter !== undefined) add("r.created_at > ?", createdAfter);
  return [conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`, values];
}

function toRunRow(row: IndexRow, alive: ReadonlyMap<number, string>): RunRow {
  const owner = row.owner === null ? undefined : alive.get(row.owner);
  return {
    run: row.run,
    agent: row.agent,
    status: row.status === "running" && owner === undefined ? "interrupted" : row.status,
    createdAt: row.created_at,
    updatedAt: row.at,
    seq: row.seq,
    step: row.step,
    tokens: row.tokens,
    costUsd: row.cost,
    ...originOf(row),
    ...present({
      labels: row.labels === null ? undefined : (JSON.parse(row.labels) as Readonly<Record<string, string>>),
      waitingFor: row.waiting === "" ? undefined : (JSON.parse(row.waiting) as WaitingFor),
      dueAt: row.due_at ?? undefined,
      owner,
    }),
  };
}

function originOf({ caller, channel, tenant, parent, root, continues }: IndexRow): Partial<RunRow> {
  const origin = Object.entries({ caller, channel, tenant, parent, root, continues });
  return Object.fromEntries(origin.filter(([, value]) => value !== null));
}
