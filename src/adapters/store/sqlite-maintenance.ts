/** What keeps a store file well, for the command line and for hosts. */
export { backupStore } from "./sqlite-backup.ts";
export { checkStore, type CheckOptions, type Projection, type StoreProblem, type StoreReport } from "./sqlite-check.ts";
export { importRuns, type ImportReport } from "./sqlite-import.ts";
export { pruneStore, type PruneOptions, type PruneReport } from "./sqlite-prune.ts";
export { exportRuns, type ExportOptions } from "./transfer.ts";
