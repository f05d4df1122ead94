/** executus/sqlite: runs and their files on this machine's disk, and what keeps them well. */
export { openSqliteStore, type SqliteStore, type SqliteStoreOptions } from "./adapters/store/sqlite.ts";
export { openFolderBlobs } from "./adapters/blobs/folder.ts";
export {
  backupStore,
  checkStore,
  exportRuns,
  importRuns,
  pruneStore,
  type CheckOptions,
  type ImportReport,
  type PruneOptions,
  type PruneReport,
  type StoreProblem,
  type StoreReport,
} from "./adapters/store/sqlite-maintenance.ts";
