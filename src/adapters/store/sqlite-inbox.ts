/** What others want to tell a run. */
import type { DatabaseSync } from "node:sqlite";
import type { InboxEntry, PendingEntry, SendResult } from "../../ports/store.ts";

/** Inside a write. */
export type SendToInbox = (run: string, entry: InboxEntry) => SendResult;

export function createSendToInbox(db: DatabaseSync): SendToInbox {
  const find = db.prepare("SELECT r.id, h.sealed FROM runs r JOIN heads h ON h.id = r.id WHERE r.run = ?");
  const isKnown = db.prepare("SELECT 1 FROM inbox WHERE run = ? AND entry = ?");
  const insert = db.prepare("INSERT INTO inbox (run, entry, body) VALUES (?, ?, ?)");
  return (name, entry) => {
    const run = find.get(name) as { readonly id: number; readonly sealed: number } | undefined;
    if (run === undefined) return "run_unknown";
    if (isKnown.get(run.id, entry.id) !== undefined) return "duplicate";
    if (run.sealed === 1) return "run_finished";
    insert.run(run.id, entry.id, JSON.stringify(entry));
    return "accepted";
  };
}

export type ReadInbox = (run: string, after?: number) => readonly PendingEntry[];

export function createReadInbox(db: DatabaseSync): ReadInbox {
  const select = db.prepare(`SELECT i.position, i.body FROM inbox i JOIN runs r ON r.id = i.run
    WHERE r.run = ? AND i.position > ? AND i.body IS NOT NULL ORDER BY i.position`);
  return (run, after = 0) =>
    select.all(run, after).map((row): PendingEntry => {
      const entry = JSON.parse(String(row["body"])) as InboxEntry;
      return { ...entry, position: Number(row["position"]) };
    });
}
