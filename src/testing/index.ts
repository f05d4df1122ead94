/** executus/testing: what tests of agents, tools and stores need. */
export { createFakeClock, type FakeClock } from "./fake-clock.ts";
export { seededRandom, type SeededRandom } from "./seeded-random.ts";
export { createWorld, type World, type WorldOptions } from "./world.ts";
export { crashEverywhere, type CrashReport } from "./crash-everywhere.ts";
export type { CrashConfig, CrashOptions, CrashWorld, Scene } from "./crash-scenario.ts";
export { crashingStore, type Crash, type CrashingStore } from "./crashing-store.ts";
export { faultyStore, type Fault, type FaultyStore, type FaultyStoreOptions, type StoreMethod } from "./faulty-store.ts";
export { effectLog, type EffectLog, type LoggedEffect } from "./effect-log.ts";
export {
  scriptedModel,
  type Script,
  type ScriptedAnswer,
  type ScriptedCall,
  type ScriptedModel,
  type ScriptedModelOptions,
} from "./scripted-model.ts";
export { storeConformance, type OpenStore, type StoreUnderTest, type TestApi } from "./store-conformance.ts";
export { blobsConformance, type BlobsUnderTest } from "./blobs-conformance.ts";
export { clockConformance, type ClockUnderTest } from "./clock-conformance.ts";
export {
  compactorConformance,
  supervisorConformance,
  type CompactorUnderTest,
  type SupervisorUnderTest,
} from "./decider-conformance.ts";
export { deliveryConformance, type DeliveryUnderTest } from "./delivery-conformance.ts";
export { filesConformance, type FilesUnderTest } from "./files-conformance.ts";
export {
  admitConformance,
  agentsConformance,
  laneChoiceConformance,
  secretsConformance,
  type AdmitUnderTest,
  type AgentsUnderTest,
  type LaneChoiceUnderTest,
  type SecretsUnderTest,
} from "./host-conformance.ts";
export { ledgerConformance, type LedgerUnderTest } from "./ledger-conformance.ts";
export { modelsConformance, type ModelsUnderTest } from "./models-conformance.ts";
export { observerConformance, type ObserverUnderTest } from "./observer-conformance.ts";
export { delegatesConformance, toolsConformance, type DelegatesUnderTest, type ToolsUnderTest } from "./registry-conformance.ts";
export { schemaConformance, type SchemaUnderTest } from "./schema-conformance.ts";
export { toolConformance, type ToolUnderTest } from "./tool-conformance.ts";
export { skillConformance, type SkillUnderTest } from "./skill-conformance.ts";
export { toolMemoryConformance, type ToolMemoryUnderTest } from "./tool-memory-conformance.ts";
export { toolSourceConformance, type ToolSourceUnderTest } from "./tool-source-conformance.ts";
export { replay, type Journal, type ReplayOptions } from "./replay.ts";
export { toCassette, type Cassette } from "./cassette.ts";
export { playCassette, type Playback, type PlaybackOptions } from "./playback.ts";
export {
  assertInvariants,
  describeViolations,
  readRecord,
  storeViolations,
  violations,
  type InvariantNumber,
  type RunRecord,
  type Violation,
} from "./invariants.ts";
export { simulate, type SimulatedPlace, type SimulatedStart, type SimulateOptions, type Simulation } from "./simulate.ts";
