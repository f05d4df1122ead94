import type { Blobs } from "../../ports/blobs.ts";
import { addressOf, blobMissing } from "./content-address.ts";

/** For a store in memory, which knows at once what nothing refers to any more. */
export interface MemoryBlobs extends Blobs {
  readonly size: number;
  /** `collect`, at once. */
  forget(keep: ReadonlySet<string>, graceMs: number): number;
}

/**
 * Blobs in this process's memory.
 *
 * @example
 * const blobs = createMemoryBlobs();
 * const hash = await blobs.put(new TextEncoder().encode("hello"));
 */
export function createMemoryBlobs(options: { readonly now?: () => number } = {}): MemoryBlobs {
  const now = options.now ?? Date.now;
  const held = new Map<string, { readonly bytes: Uint8Array; readonly at: number }>();
  const forget = (keep: ReadonlySet<string>, graceMs: number): number => {
    const gone = [...held].filter(([hash, { at }]) => !keep.has(hash) && now() - at > graceMs);
    for (const [hash] of gone) held.delete(hash);
    return gone.length;
  };
  return {
    get size() {
      return held.size;
    },
    forget,
    put: async (bytes) => {
      const hash = addressOf(bytes);
      held.set(hash, { bytes: held.get(hash)?.bytes ?? bytes.slice(), at: now() });
      return hash;
    },
    get: async (hash) => {
      const found = held.get(hash);
      if (found === undefined) throw blobMissing(hash, "memory");
      return found.bytes.slice();
    },
    collect: async (keep, graceMs) => forget(keep, graceMs),
  };
}
