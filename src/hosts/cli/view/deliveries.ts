/** Deliveries for people. */
import type { DeliveryRow } from "../../../ports/store.ts";
import { ago, duration } from "./figures.ts";
import { fit, oneLine, table } from "./text.ts";

export function deliveryTable(rows: readonly DeliveryRow[]): readonly string[] {
  const now = Date.now();
  const cells = rows.map((row) => [
    row.id,
    placeOf(row),
    row.status,
    String(row.attempts),
    ago(row.updatedAt, now),
    standing(row, now),
  ]);
  return table([["DELIVERY", "TO", "STATUS", "ATTEMPTS", "LAST", ""], ...cells], [3]);
}

/** One line, for the page of a run. */
export function deliveryLine(row: DeliveryRow): string {
  const { id, status, attempts } = row;
  const tries = attempts === 1 ? "" : ` after ${attempts} attempts`;
  const more = standing(row, Date.now());
  return `${id} to ${placeOf(row)}: ${status}${tries}${more === "" ? "" : `, ${more}`}`;
}

function placeOf({ target: { kind, id, url, credential } }: DeliveryRow): string {
  const place = id ?? hostOf(url) ?? credential;
  return fit(oneLine(place === undefined ? kind : `${kind} ${place}`), 40);
}

/** The path of a webhook may be a secret. */
function hostOf(url: string | undefined): string | undefined {
  return url === undefined ? undefined : (URL.parse(url)?.host ?? "");
}

function standing({ status, owner, dueAt = 0, error }: DeliveryRow, now: number): string {
  if (owner !== undefined) return `being sent by ${owner}`;
  const next = status === "pending" && dueAt > now ? [`next try in ${duration(dueAt - now)}`] : [];
  return [...(error === undefined ? [] : [oneLine(error)]), ...next].join(", ");
}
