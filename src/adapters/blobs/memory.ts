import { hash } from "node:crypto";
import { ExecutusError } from "../../kernel/errors.ts";
import type { Blobs } from "../../ports/blobs.ts";

/** Blobs in this process's memory: gone with it. */
export function createMemoryBlobs(): Blobs {
  const held = new Map<string, { readonly bytes: Uint8Array; readonly at: number }>();
  return {
    put: async (bytes) => {
      const name = hash("sha256", bytes, "hex");
      if (!held.has(name)) held.set(name, { bytes: bytes.slice(), at: Date.now() });
      return name;
    },
    get: async (name) => {
      const found = held.get(name);
      if (found !== undefined) return found.bytes;
      const hint = "Blobs in memory are gone when their process ends: give the executor a folder for them.";
      throw new ExecutusError("blob_missing", `there is no blob ${name} in memory`, { hint });
    },
    collect: async (keep, graceMs) => {
      const before = Date.now() - graceMs;
      const gone = [...held].filter(([name, { at }]) => !keep.has(name) && at < before);
      for (const [name] of gone) held.delete(name);
      return gone.length;
    },
  };
}
