/** The store, and the runs in it that need somebody. */
import { existsSync, statSync } from "node:fs";
import { commandLine } from "../command-line.ts";
import { describeError } from "../describe-error.ts";
import { openHost } from "../open.ts";
import { ago, plural } from "../view/figures.ts";
import type { RunRow } from "../../../ports/store.ts";
import type { Examination, Finding } from "./examine.ts";

const MOST_RUNS = 10_000;
/** A run that is driven and says nothing for so long is worth a look. */
const SILENT_MS = 15 * 60_000;
const AHEAD_MS = 5_000;

export async function examineStore({ db }: Examination): Promise<readonly Finding[]> {
  if (!existsSync(db)) return [{ level: "ok", what: "store", text: `${db} is not there yet; the first run makes it` }];
  try {
    const host = openHost({ db, access: "read" });
    try {
      const [newest] = await host.store.runs.list({ limit: 1 });
      const open = await host.store.runs.list({ status: ["running", "waiting", "interrupted", "queued"], limit: MOST_RUNS });
      return [sizeOf(db), ...clockOf(newest), ...runsOf(open, db)];
    } finally {
      await host.close();
    }
  } catch (error) {
    const { message, hint, exitCode } = describeError(error, db);
    return [{ level: "bad", what: "store", text: message, exitCode, ...(hint === undefined ? {} : { hint }) }];
  }
}

function sizeOf(db: string): Finding {
  const files = [db, `${db}-wal`].filter((file) => existsSync(file));
  const [main = 0, log = 0] = files.map((file) => statSync(file).size);
  return { level: "ok", what: "store", text: `${db}: ${(main / 1e6).toFixed(1)} MB, log ${(log / 1e6).toFixed(1)} MB` };
}

function clockOf(newest: RunRow | undefined): readonly Finding[] {
  const aheadMs = (newest?.updatedAt ?? 0) - Date.now();
  if (aheadMs < AHEAD_MS) return [];
  const text = `the newest event in the store is ${Math.round(aheadMs / 1_000)} s in the future`;
  return [{ level: "warn", what: "clock", text, hint: "The clock was set back, or other writers' clocks are ahead." }];
}

function runsOf(rows: readonly RunRow[], db: string): readonly Finding[] {
  const now = Date.now();
  const of = (wanted: RunRow["status"]): readonly RunRow[] => rows.filter(({ status }) => status === wanted);
  const running = of("running");
  const silent = running.filter(({ updatedAt }) => now - updatedAt > SILENT_MS);
  const findings: Finding[] = [{ level: "ok", what: "runs", text: `${plural(running.length, "run")} in flight` }];
  const add = (found: readonly RunRow[], text: string, hint: string): void => {
    if (found.length > 0)
      findings.push({ level: "warn", what: "runs", text: `${plural(found.length, "run")} ${text}: ${names(found)}`, hint });
  };
  add(of("interrupted"), "interrupted", `Continue: ${commandLine(["resume", "--all"], db)}`);
  add(of("waiting"), "waiting for a person", `See what for: ${commandLine(["show", of("waiting")[0]?.run ?? ""], db)}`);
  const oldest = silent.at(-1);
  const look = `Last event ${ago(oldest?.updatedAt ?? now, now)}. Look: ${commandLine(["show", oldest?.run ?? ""], db)}`;
  add(silent, "driven but silent", look);
  return findings;
}

function names(rows: readonly RunRow[]): string {
  const shown = rows.slice(0, 3).map(({ run }) => run);
  return rows.length > shown.length ? `${shown.join(", ")}, ...` : shown.join(", ");
}
