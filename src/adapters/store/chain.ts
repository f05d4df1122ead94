/**
 * The checksum chain of a journal.
 *
 * sum(n) = first 16 bytes of SHA-256( sum(n-1) || seq, epoch, at, activeMs as doubles || SHA-256(body text) )
 *
 * H1 The chain starts from the run's id: a journal cannot pass for another run's.
 * H2 A record enters the chain by the digest of its body: the body may give way to a tombstone that carries the digest.
 */
import { hash } from "node:crypto";
import type { EventHeader } from "../../ports/events.ts";

export const SUM_BYTES = 16;

const DIGEST_BYTES = 32;
const HEADER_AT = SUM_BYTES;
const DIGEST_AT = HEADER_AT + 4 * 8;

// One buffer for all: sums are made one at a time and the hash copies its input.
const record = Buffer.alloc(DIGEST_AT + DIGEST_BYTES);
const numbers = new DataView(record.buffer, record.byteOffset, record.byteLength);

/** Digests travel as strings of one character per byte: a fresh buffer for each costs more than the hash itself. */
const BYTES = "binary";

export function chainStart(run: string): Uint8Array {
  return toSum(hash("sha256", `executus journal ${run}`, BYTES));
}

/** SHA-256 of a body, one character per byte. */
export function bodyDigest(body: string): string {
  return hash("sha256", body, BYTES);
}

export function nextSum(previous: Uint8Array, header: EventHeader, digest: string): Uint8Array {
  record.set(previous, 0);
  numbers.setFloat64(HEADER_AT, header.seq);
  numbers.setFloat64(HEADER_AT + 8, header.epoch);
  numbers.setFloat64(HEADER_AT + 16, header.at);
  numbers.setFloat64(HEADER_AT + 24, header.activeMs);
  record.write(digest, DIGEST_AT, BYTES);
  return toSum(hash("sha256", record, BYTES));
}

function toSum(digest: string): Uint8Array {
  return Buffer.from(digest.slice(0, SUM_BYTES), BYTES);
}

export function sameSum(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
