import { ExecutusError } from "../../kernel/errors.ts";

/** Lower-case hex SHA-256. Loads the hash with the first blob: most programs that import the package never store one. */
export function addressOf(bytes: Uint8Array): string {
  return process.getBuiltinModule("node:crypto").hash("sha256", bytes, "hex");
}

/** Anything else is no name of a blob, and never part of a path. */
export function isAddress(hash: string): boolean {
  return /^[0-9a-f]{64}$/.test(hash);
}

export function blobMissing(hash: string, where: string): ExecutusError {
  return new ExecutusError("blob_missing", `There is no blob ${hash.slice(0, 80)} in ${where}`, {
    file: where,
    hint: "Restore the blobs folder from the backup that belongs to this store.",
  });
}

export function blobDamaged(hash: string, file: string): ExecutusError {
  return new ExecutusError("blob_damaged", `The blob ${hash} in ${file} does not match its name: its bytes have changed`, {
    file,
    hint: "Restore this file from a backup; storing the same bytes again repairs it too.",
  });
}
