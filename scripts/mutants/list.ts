/** All planted faults. */
import { COMMIT_FAULTS } from "./commits.ts";
import type { Fault } from "./fault.ts";

export const FAULTS: readonly Fault[] = [...COMMIT_FAULTS];
