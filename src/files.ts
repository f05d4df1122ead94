/** executus/files: where attachments come from. */
export { type LocalFilesOptions, openLocalFiles } from "./adapters/files/local.ts";
export { guardedFetch, type GuardedFetchOptions, type GuardedResponse } from "./adapters/net/guarded-fetch.ts";
export type { AttachmentInput, AttachmentLimits, Files, RunFile } from "./ports/files.ts";
