/** Files that a run is given, and those it leaves where its own results are too long. */
import type { BlobReference } from "./messages.ts";

/** A file that the run can read, by its id or its name; the bytes are in the blob store. */
export interface RunFile {
  /** Unique in the run: `file-1` of the request, `result-0.0` of a call. */
  readonly id: string;
  readonly name: string;
  /** Proven from the bytes. */
  readonly mediaType: string;
  readonly data: BlobReference;
}

/** A file that a request brings along. `name` and `mediaType` are what the caller says; the bytes must not contradict. */
export type AttachmentInput = AttachmentSource & { readonly name?: string; readonly mediaType?: string };

export type AttachmentSource =
  | { readonly path: string }
  | { readonly url: string }
  | { readonly bytes: Uint8Array }
  | { readonly text: string };

export interface FileContent {
  readonly bytes: Uint8Array;
  /** As the place it came from names it. */
  readonly name: string;
}

/** Reads files that are somewhere else, while a run is admitted. */
export interface Files {
  /**
   * Rejects with ExecutusError `attachment_too_large`, `attachment_unreadable`, or what the place itself refuses with
   * (`url_refused`, `url_failed`).
   */
  read(
    source: { readonly path: string } | { readonly url: string },
    options: { readonly maxBytes: number },
  ): Promise<FileContent>;
}

/** Which files a run takes. */
export interface AttachmentLimits {
  /** Of one file; default 25 MiB. */
  readonly maxBytes?: number;
  /** Of all files of a request; default 100 MiB. */
  readonly totalBytes?: number;
  /** Files of a request; default 20. */
  readonly most?: number;
  /** Media types, `image/*` for all of a kind; default: all. */
  readonly types?: readonly string[];
}
