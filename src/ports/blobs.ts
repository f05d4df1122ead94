/** Content-addressed bytes: images, attachments, large tool results. */
export interface Blobs {
  /** Durable once it resolves (flushed, renamed, directory flushed); the hash is the lower-case hex SHA-256 of the bytes. */
  put(bytes: Uint8Array): Promise<string>;
  /** Rejects with ExecutusError `blob_missing` or, when the bytes do not match their name, `blob_damaged`. */
  get(hash: string): Promise<Uint8Array>;
  /** Delete blobs not in `keep` that are older than `graceMs`; resolves to how many went. */
  collect(keep: ReadonlySet<string>, graceMs: number): Promise<number>;
}
