/** All planted faults. */
import { BOUND_FAULTS } from "./bounds.ts";
import { CALL_FAULTS } from "./calls.ts";
import { CHANGE_FAULTS } from "./changes.ts";
import { COMMIT_FAULTS } from "./commits.ts";
import type { Fault } from "./fault.ts";
import { ISOLATED_FAULTS } from "./isolated.ts";
import { OUTSIDE_FAULTS } from "./outside.ts";
import { SIMULATED_FAULTS } from "./simulated.ts";
import { STORE_FAULTS } from "./stores.ts";
import { WAITING_FAULTS } from "./waiting.ts";

export const FAULTS: readonly Fault[] = [
  ...COMMIT_FAULTS,
  ...CALL_FAULTS,
  ...BOUND_FAULTS,
  ...SIMULATED_FAULTS,
  ...STORE_FAULTS,
  ...WAITING_FAULTS,
  ...CHANGE_FAULTS,
  ...OUTSIDE_FAULTS,
  ...ISOLATED_FAULTS,
];
