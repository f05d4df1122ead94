/** The outbox of the store in memory. */
import type {
  ClaimedDelivery,
  DeliveryChange,
  DeliveryQuery,
  DeliveryRow,
  NewDelivery,
  Outbox,
  OutboxClaim,
} from "../../ports/store.ts";
import { present } from "./present.ts";
import { targetKey } from "./requests.ts";

interface Sender {
  readonly name: string;
  readonly diedAt: number | undefined;
}

interface Entry {
  row: DeliveryRow;
  readonly body: string;
  readonly key: string;
  /** Asked for again by somebody: a closed target is tried all the same. */
  isForced: boolean;
  sender: Sender | undefined;
  leasedUntil: number;
}

export type MemoryOutbox = Map<string, Entry>;

export function addDeliveries(outbox: MemoryOutbox, run: string, added: readonly NewDelivery[], at: number): void {
  for (const { id, target, body } of added) {
    const row: DeliveryRow = {
      id,
      run,
      target,
      status: "pending",
      attempts: 0,
      failures: 0,
      dueAt: at,
      createdAt: at,
      updatedAt: at,
    };
    outbox.set(id, { row, body, key: targetKey(target), isForced: false, sender: undefined, leasedUntil: 0 });
  }
}

export function hasPending(outbox: MemoryOutbox, run: string): boolean {
  return [...outbox.values()].some(({ row }) => row.run === run && row.status === "pending");
}

export function removeDeliveries(outbox: MemoryOutbox, run: string): void {
  for (const [id, { row }] of outbox) if (row.run === run) outbox.delete(id);
}

/** As one process sees it. */
export function openMemoryOutbox(outbox: MemoryOutbox, self: Sender): Outbox {
  return {
    claim: async (request) => claim(outbox, self, request),
    record: async (id, attempt, change) => record(outbox, id, attempt, change),
    requeue: async (id, at) => {
      const entry = outbox.get(id);
      if (entry === undefined) return "unknown";
      if (isBeingSent(entry, at)) return "sending";
      const { error: _error, receipt: _receipt, gone: _gone, ...row } = entry.row;
      entry.row = { ...row, status: "pending", failures: 0, dueAt: at, updatedAt: at };
      entry.isForced = true;
      return "queued";
    },
    nextDue: async (kinds) => {
      const due = [...outbox.values()]
        .filter(({ row }) => row.status === "pending" && kinds.includes(row.target.kind))
        .map((entry) => Math.max(entry.row.dueAt ?? 0, isBeingSent(entry, -Infinity) ? entry.leasedUntil : 0));
      return due.length === 0 ? undefined : Math.min(...due);
    },
    list: async (query = {}) => list(outbox, query),
  };
}

function isBeingSent({ row, sender, leasedUntil }: Entry, at: number): boolean {
  return row.status === "pending" && sender !== undefined && sender.diedAt === undefined && leasedUntil > at;
}

function claim(outbox: MemoryOutbox, self: Sender, { kinds, id, at, until, limit }: OutboxClaim): readonly ClaimedDelivery[] {
  const entries = [...outbox.values()];
  const busy = new Set(entries.filter((entry) => isBeingSent(entry, at)).map(({ key }) => key));
  const due = entries
    .filter(({ row }) => row.status === "pending" && (row.dueAt ?? 0) <= at && kinds.includes(row.target.kind))
    .filter(({ row }) => id === undefined || row.id === id)
    .toSorted((a, b) => (a.row.dueAt ?? 0) - (b.row.dueAt ?? 0));
  const claimed: ClaimedDelivery[] = [];
  for (const entry of due) {
    if (claimed.length >= limit) break;
    if (busy.has(entry.key)) continue;
    busy.add(entry.key);
    entry.row = { ...entry.row, attempts: entry.row.attempts + 1, updatedAt: at };
    entry.sender = self;
    entry.leasedUntil = until;
    const targetGone = !entry.isForced && isClosed(entries, entry.key);
    claimed.push({ ...entry.row, owner: self.name, body: entry.body, targetGone });
  }
  return claimed;
}

/** The last delivery to this place that ended, ended there for good. */
function isClosed(entries: readonly Entry[], key: string): boolean {
  const ended = entries.filter(({ key: other, row }) => other === key && row.status !== "pending");
  return (
    ended
      .toSorted((a, b) => a.row.updatedAt - b.row.updatedAt || Number(b.row.gone === true) - Number(a.row.gone === true))
      .at(-1)?.row.gone === true
  );
}

function record(outbox: MemoryOutbox, id: string, attempt: number, change: DeliveryChange): boolean {
  const entry = outbox.get(id);
  if (entry === undefined || entry.row.attempts !== attempt || entry.row.status !== "pending") return false;
  const { dueAt: _dueAt, error: _error, receipt: _receipt, ...row } = entry.row;
  const { at, ...rest } = change;
  entry.row = { ...row, ...rest, updatedAt: at };
  entry.sender = undefined;
  return true;
}

function list(outbox: MemoryOutbox, { run, prefix, status, withBody, limit = 100 }: DeliveryQuery): readonly DeliveryRow[] {
  return [...outbox.values()]
    .filter(({ row }) => run === undefined || row.run === run)
    .filter(({ row }) => prefix === undefined || row.id.startsWith(prefix))
    .filter(({ row }) => status === undefined || status.includes(row.status))
    .toReversed()
    .slice(0, limit)
    .map((entry) => ({
      ...entry.row,
      ...present({
        owner: isBeingSent(entry, -Infinity) ? entry.sender?.name : undefined,
        body: withBody === true ? entry.body : undefined,
      }),
    }));
}
