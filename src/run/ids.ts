/** Ids of runs and inbox entries: a prefix and a ULID, so that they sort by time. */
import { ExecutusError } from "../kernel/errors.ts";
import type { Clock } from "../ports/clock.ts";

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

export function newId(prefix: string, clock: Clock): string {
  let time = clock.now();
  let id = "";
  for (let i = 0; i < 10; i++) {
    id = `${ALPHABET[time % 32] ?? "0"}${id}`;
    time = Math.floor(time / 32);
  }
  for (let i = 0; i < 16; i++) id += ALPHABET[Math.floor(clock.random() * 32)] ?? "0";
  return `${prefix}_${id}`;
}

const ID = /^[A-Za-z0-9_.:-]{1,128}$/;

/** Ids from outside are checked at the door: they become file names, URLs and parts of keys. */
export function checkId(id: string, what: string): string {
  if (ID.test(id)) return id;
  const shown = id.length > 40 ? `${id.slice(0, 40)}...` : id;
  const hint = "Use 1 to 128 of the characters A-Z a-z 0-9 _ - . and :";
  throw new ExecutusError("request_invalid", `${what} ${JSON.stringify(shown)} is not a usable id`, { hint });
}
