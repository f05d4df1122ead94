/** executus/ports: the interfaces behind which stores, models, tools and the rest live, for whoever writes one. Types only. */
export type { Artifact, NewArtifact } from "./ports/artifact.ts";
export type { Blobs } from "./ports/blobs.ts";
export type {
  AdmissionDecision,
  AdmissionRequest,
  Admit,
  Budget,
  BudgetAccount,
  BudgetAmounts,
  BudgetQuery,
  BudgetReader,
  BudgetRefusal,
  BudgetReservation,
  BudgetScope,
  BudgetSettlement,
  BudgetStanding,
  BudgetWindow,
  Ledger,
  LedgerChange,
  LimitedAccount,
} from "./ports/budget.ts";
export type { Clock } from "./ports/clock.ts";
export type {
  Delivery,
  DeliveryAdapter,
  DeliveryData,
  DeliveryMessage,
  DeliveryReport,
  DeliveryTarget,
} from "./ports/delivery.ts";
export type { Compaction, CompactionRequest, Compactor } from "./ports/compactor.ts";
export type { Delegate, Delegates, Skill, SkillFiles } from "./ports/delegates.ts";
export type { ChangePolicy } from "./ports/definition.ts";
export type { EventBody, EventHeader, EventType, RunEvent } from "./ports/events.ts";
export type { AttachmentInput, AttachmentLimits, FileContent, Files, RunFile } from "./ports/files.ts";
export type { JsonObject, JsonValue } from "./ports/json.ts";
export type { Limits, LimitsInput } from "./ports/limits.ts";
export type { AssistantPart, Message, ToolOutput, UserPart } from "./ports/messages.ts";
export type {
  ModelAnswer,
  ModelCall,
  ModelCallOptions,
  ModelCandidate,
  ModelDelta,
  ModelPrice,
  Models,
  TokenUsage,
} from "./ports/models.ts";
export type { OutputCheck, OutputSchema, OutputVerdict, Schemas } from "./ports/output.ts";
export type { LanePlace, LaneRule } from "./ports/lanes.ts";
export type { Secret, SecretProvider } from "./run/redaction.ts";
export type { AgentFinder, LaneChoice, LaneRequest } from "./run/types.ts";
export type { ForkEdit } from "./run/fork-edit.ts";
export type { ForkOptions } from "./run/fork.ts";
export type { RunForked, Stub } from "./ports/fork-events.ts";
export type { CallPlan, Divergence, PlannedCall, Replay, ResumePlan } from "./ports/plan.ts";
export type { DeltaOrigin, Observer } from "./ports/observer.ts";
export type { AppendRequest, AppendResult, InboxBody, InboxEntry, RunQuery, RunRow, Store } from "./ports/store.ts";
export type {
  AfterRun,
  OpenedSource,
  RunEnding,
  SourceContext,
  SourceIdentity,
  SourceUse,
  ToolMemory,
  ToolSource,
} from "./ports/tool-source.ts";
export type { Reconciliation, Tool, ToolContext, ToolEffect, ToolInputCheck, Tools, UnknownPolicy } from "./ports/tools.ts";
export type {
  CallOutcome,
  FinalStatus,
  PhaseView,
  RunStatus,
  RunStatusView,
  StepView,
  UsageTotal,
  WaitingFor,
} from "./ports/view.ts";
export type {
  AnswerBody,
  ApprovalContext,
  ApprovalFallback,
  ApprovalPolicy,
  ApprovalTerms,
  ApprovalVerdict,
  Question,
  QuestionOptions,
  Suspension,
  Wait,
  Wake,
} from "./ports/waiting.ts";
