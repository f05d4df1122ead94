/** executus/supervision: who decides about a run that gets nowhere. */
export { rulesSupervisor, type RulesOptions } from "./adapters/supervision/rules.ts";
export { modelSupervisor, type ModelSupervisorOptions } from "./adapters/supervision/model.ts";
export type {
  Extension,
  PastDecision,
  Stall,
  StallKind,
  SupervisionInput,
  SupervisionSettings,
  Supervisor,
  SupervisorAction,
  SupervisorDecision,
  SupervisorVerdict,
  SupervisorView,
} from "./ports/supervision.ts";
