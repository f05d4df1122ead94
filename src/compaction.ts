/** executus/compaction: how long conversations are shortened. */
export { createModelCompactor, type ModelCompactorOptions } from "./adapters/compactor/model.ts";
export type { Compaction, CompactionRequest, Compactor } from "./ports/compactor.ts";
