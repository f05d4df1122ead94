/** RUN on the command line: an id, or the beginning of one. */
import { ExecutusError, nearest } from "../../kernel/errors.ts";
import type { RunRow, Store } from "../../ports/store.ts";
import { ago } from "./view/figures.ts";
import { table } from "./view/text.ts";

const MOST_CANDIDATES = 10;
const MOST_COMPARED = 500;

/** Rejects with `run_unknown`, naming the nearest, or `usage` when several runs begin like that. */
export async function findRun(store: Store, given: string): Promise<RunRow> {
  const exact = await store.runs.get(given);
  if (exact !== undefined) return exact;
  const found = await store.runs.list({ prefix: given, limit: MOST_CANDIDATES + 1 });
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  throw only === undefined ? await unknownRun(store, given) : severalRuns(given, found);
}

function severalRuns(given: string, found: readonly RunRow[]): ExecutusError {
  const shown = runTable(found.slice(0, MOST_CANDIDATES));
  const more = found.length > MOST_CANDIDATES ? ["..."] : [];
  return new ExecutusError("usage", `several runs begin with ${given}`, {
    hint: ["Give one of them:", ...shown, ...more].join("\n  "),
  });
}

/** A few runs to choose from. */
export function runTable(rows: readonly RunRow[]): readonly string[] {
  return table(rows.map((row) => [row.run, row.agent, row.status, ago(row.updatedAt, Date.now())]));
}

async function unknownRun(store: Store, given: string): Promise<ExecutusError> {
  const recent = await store.runs.list({ limit: MOST_COMPARED });
  const near = nearest(
    given,
    recent.map(({ run }) => run),
  );
  const hint = near === undefined ? "List the runs: executus ls --all" : `Did you mean ${near}?`;
  return new ExecutusError("run_unknown", `there is no run ${given} in this store`, { hint });
}
