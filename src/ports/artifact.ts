/** Files that a run leaves behind: their bytes are in the blob store, the journal holds the reference. */
import type { BlobReference } from "./messages.ts";

/** An artifact before its bytes are stored. */
export interface NewArtifact {
  /** File name; a later artifact of the same name takes the place of an earlier one. */
  readonly name: string;
  /** Default: `text/plain` for text, `application/octet-stream` for bytes. */
  readonly mediaType?: string;
  /** Text is stored as UTF-8. */
  readonly content: string | Uint8Array;
}

/** An artifact as it is on a result. */
export interface Artifact {
  readonly name: string;
  readonly mediaType: string;
  readonly data: BlobReference;
}
