/**
 * Store port: where all journals live. A small interface for each thing that is asked of it, over one place.
 *
 * S1 Acknowledged means durable: a promise resolves after the flush, never before.
 * S2 One owner: every append carries an epoch that is checked in its own transaction; a fenced append fails that run alone.
 * S3 Sequence numbers are dense from 0; a batch is appended whole or not at all.
 * S4 Entries sent to a run's inbox are kept until its owner consumes them in the transaction of an append.
 * S5 Nothing follows the terminal batch, and a terminal batch is refused while unseen input is waiting.
 * S6 What is to be delivered is there if and only if the batch that says so is; an attempt at it has one owner.
 */
import type { Blobs } from "./blobs.ts";
import type { DeliveryTarget } from "./delivery.ts";
import type { BudgetRefusal, Ledger, LedgerChange } from "./budget.ts";
import type { EventBody, RunEvent } from "./events.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import type { LanePlace, Lanes, LaneSlot } from "./lanes.ts";
import type { ToolOutput, UserPart } from "./messages.ts";
import type { Cost, FinalStatus, RunStatus, UsageTotal, WaitingFor } from "./view.ts";
import type { AnswerBody } from "./waiting.ts";

export interface Store {
  readonly journal: Journal;
  readonly inbox: Inbox;
  readonly owners: Owners;
  readonly runs: Runs;
  readonly outbox: Outbox;
  readonly lanes: Lanes;
  /** Where values too large for its journals go, unless the executor is given another place. Absent: in memory. */
  readonly blobs?: Blobs;
  /** Absent: this store keeps no ledger, and `AppendRequest.ledger` is not for it. */
  readonly budgets?: Ledger;
  [Symbol.asyncDispose](): Promise<void>;
}

// --- journal ---------------------------------------------------------------------------------------------------------

export interface AppendRequest {
  readonly run: string;
  /** The owner's epoch, from `create` or `claim`. */
  readonly epoch: number;
  /** Sequence number of the first event of the batch: one more than the last appended. */
  readonly seq: number;
  readonly at: number;
  readonly activeMs: number;
  readonly events: readonly EventBody[];
  /** Inbox entries that these events consume. */
  readonly consumed?: readonly string[];
  /**
   * Highest inbox position the owner has seen; set on a terminal batch only. The batch is refused as `inbox` when there is
   * newer input (S5).
   */
  readonly sealAfterInbox?: number;
  /** A run that becomes due with this append if it waits: the parent of a child that ends here. */
  readonly wakes?: string;
  /** Columns of the run's row that changed. */
  readonly row?: RunRowChange;
  /** The run has left the queue of its lane: it is driven, or has ended. */
  readonly dequeued?: true;
  /** Deliveries that fall due with this batch. */
  readonly outbox?: readonly NewDelivery[];
  /** In the same transaction. Absent where there are no budgets. */
  readonly ledger?: LedgerChange;
}

export type AppendResult =
  | { readonly ok: true }
  /** Somebody else owns the run now, or it is not there any more: stop. Nothing was written. */
  | { readonly ok: false; readonly reason: "fenced" }
  /** Unseen input: fold it and decide again. Nothing was written. */
  | { readonly ok: false; readonly reason: "inbox" }
  /** What was to be reserved does not fit. Nothing was written. */
  | { readonly ok: false; readonly reason: "budget"; readonly refusal: BudgetRefusal };

export interface Journal {
  /** Rejects with ExecutusError `store_unavailable` (disk full, read-only, I/O): nothing was written, try again later. */
  append(request: AppendRequest): Promise<AppendResult>;
  /** Events from `after` (exclusive, default -1) on, in order. Rejects with `journal_damaged` naming run and seq. */
  read(run: string, options?: { readonly after?: number; readonly limit?: number }): Promise<readonly RunEvent[]>;
  /**
   * Be told that something of this run (or of any run, without one) changed. In process at once, from other processes by
   * poll. `what` is absent when it is not known. Returns the way to stop.
   */
  watch(run: string | undefined, changed: (run: string, what?: "journal" | "inbox") => void): () => void;
}

// --- inbox -----------------------------------------------------------------------------------------------------------

/** What others want to tell a run. `id` is unique in the run: the same id again is the same entry. */
export type InboxEntry = { readonly id: string; readonly at?: number; readonly from?: string } & InboxBody;

export type InboxBody =
  | {
      readonly kind: "steer";
      readonly content: readonly UserPart[];
      readonly afterStep?: number;
      readonly pinned?: true;
      /** `now` gives up a model call under way and makes it again with the message. Default `next`: before the next step. */
      readonly when?: "now" | "next";
    }
  | { readonly kind: "cancel"; readonly reason?: string }
  | { readonly kind: "kill"; readonly reason?: string }
  | {
      readonly kind: "extend";
      readonly steps?: number;
      readonly timeMs?: number;
      readonly tokens?: number;
      readonly costUsd?: number;
    }
  | {
      readonly kind: "resolve";
      readonly call: string;
      readonly outcome: "done" | "failed" | "retry";
      readonly output?: JsonValue;
      /**
       * Which time that the call is in doubt, from 1: that of `Wait.doubt`. A decision about another one changes nothing. Absent: whichever
       * it is in when it hears of it, so a decision that is late or sent again may be taken for one about a later doubt.
       */
      readonly doubt?: number;
    }
  /** Go on with the changed definition (`adopt`), or with the one it has (`pin`). */
  | { readonly kind: "adopt" }
  | { readonly kind: "pin" }
  | { readonly kind: "compact"; readonly instructions?: string; readonly afterStep?: number }
  /** About the changed tools of a source that the run waits with. */
  | { readonly kind: "tools"; readonly source: string; readonly decision: "adopt" | "pin" }
  /** A child's end. Its id follows from the child, so it is taken once, however often it is told. */
  | {
      readonly kind: "child-ended";
      readonly call: string;
      readonly run: string;
      readonly status: FinalStatus;
      readonly output: ToolOutput;
      readonly usage: UsageTotal;
      readonly costUsd: Cost;
      readonly steps: number;
      readonly toolCalls: number;
      readonly durationMs: number;
    }
  | AnswerBody;

export type PendingEntry = InboxEntry & { readonly position: number };

export type SendResult = "accepted" | "duplicate" | "run_finished" | "run_unknown";

export interface Inbox {
  /** That insert is the acknowledgement. */
  send(run: string, entry: InboxEntry): Promise<SendResult>;
  /** Unconsumed entries with a position after `after` (default all), in order. */
  pending(run: string, after?: number): Promise<readonly PendingEntry[]>;
}

// --- ownership -------------------------------------------------------------------------------------------------------

export type ClaimResult =
  | {
      readonly ok: true;
      readonly epoch: number;
      /** `crash` when the last owner never released it. */
      readonly after: "released" | "crash";
      /** Running time to charge for the last attempt: up to its last sign of life. */
      readonly activeMs: number;
    }
  /** `lane`: as many runs of its lane are driven as may be. */
  | { readonly ok: false; readonly reason: "unknown" | "finished" | "lane" }
  /** `epoch`: only when it is this process that has it, so that it can let go of what it does not know it took. */
  | { readonly ok: false; readonly reason: "owned"; readonly owner: string; readonly epoch?: number };

export interface Owners {
  /** `host/pid` of this process as others see it. */
  readonly self: string;
  /**
   * Take a run that nobody alive owns: a new, higher epoch. With a slot, only if living processes own fewer runs of that lane (and of
   * its group) than it allows, counted in the transaction of the claim.
   */
  claim(run: string, slot?: LaneSlot): Promise<ClaimResult>;
  /** Let go: another process may take it at once. Ignored when the epoch is not current any more, or the run another process's. */
  release(run: string, epoch: number, row?: RunRowChange): Promise<void>;
  /**
   * Runs that wait for a driver: unfinished, nobody alive owns them, and, if they are `waiting`, due, with unconsumed input, or
   * without the code of a tool, which this process may have. `now` is the wall clock, ms; default: the store's own.
   */
  orphans(limit: number, now?: number): Promise<readonly string[]>;
  /** Waiting runs that nobody alive owns and whose time has come at `now` (wall ms), the earliest first. */
  due(now: number, limit: number): Promise<Due>;
}

export interface Due {
  readonly runs: readonly string[];
  /** Wall ms, later than `now`: when the next such run is due. */
  readonly nextAt?: number;
}

// --- index of runs ---------------------------------------------------------------------------------------------------

/** What a list shows, kept beside the journal and always derivable from it. */
export interface RunRow {
  readonly run: string;
  readonly agent: string;
  readonly status: RunStatus;
  readonly caller?: string;
  readonly channel?: string;
  readonly tenant?: string;
  readonly parent?: string;
  /** The run at the top of the tree; absent for that run itself. */
  readonly root?: string;
  /** The finished run that it goes on from. */
  readonly continues?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Sequence number of the last event. */
  readonly seq: number;
  readonly step: number;
  readonly tokens: number;
  readonly costUsd: number | "unknown";
  readonly waitingFor?: WaitingFor;
  /** Wall ms: when a waiting run goes on by itself. */
  readonly dueAt?: number;
  /** `host/pid` of the process that drives it, if one does. */
  readonly owner?: string;
}

export interface RunRowChange {
  readonly status?: Exclude<RunStatus, "interrupted">;
  readonly step?: number;
  readonly tokens?: number;
  readonly costUsd?: number | "unknown";
  readonly waitingFor?: WaitingFor | null;
  /** Wall ms: when a waiting run is to be driven though nobody has said anything. */
  readonly dueAt?: number | null;
}

export interface CreateRequest {
  readonly run: string;
  readonly agent: string;
  readonly caller?: string;
  readonly channel?: string;
  readonly tenant?: string;
  readonly parent?: string;
  readonly root?: string;
  /** Must be there: rejects with ExecutusError `run_unknown` when it is not. */
  readonly continues?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly idempotencyKey?: string;
  /** Read by a store that keeps some runs and not others; default `required`. */
  readonly durability?: Durability;
  readonly at: number;
  readonly events: readonly EventBody[];
  readonly row?: RunRowChange;
  /** In the same transaction; looked at once the id and the key are known to be free. */
  readonly ledger?: LedgerChange;
  /** The run is queued there: nobody owns it until it is claimed. */
  readonly lane?: LanePlace;
}

/** `required`: the run is kept or refused; `best-effort`: kept if that can be done now; `none`: it lives in memory. */
export type Durability = "required" | "best-effort" | "none";

export type CreateResult =
  /** `added`: events that the store itself put after those of the request. */
  | { readonly created: true; readonly epoch: number; readonly added?: readonly EventBody[] }
  /** The id or the idempotency key is taken: this is the run that has it. Nothing was written. */
  | { readonly created: false; readonly run: string; readonly refusal?: undefined }
  /** What was to be reserved for the run of this id does not fit. Nothing was written. */
  | { readonly created: false; readonly run: string; readonly refusal: BudgetRefusal };

export interface RunQuery {
  readonly status?: readonly RunStatus[];
  readonly agent?: string;
  readonly caller?: string;
  readonly channel?: string;
  readonly tenant?: string;
  /** Children of this run. */
  readonly parent?: string;
  /** Everything below this run, at any depth. */
  readonly root?: string;
  readonly label?: readonly [name: string, value: string];
  /** Those that go on from this run. */
  readonly continues?: string;
  /** Ids that start with this. */
  readonly prefix?: string;
  /** The run that was started with this key. */
  readonly idempotencyKey?: string;
  readonly createdAfter?: number;
  /** Default 100, newest first. */
  readonly limit?: number;
}

export interface Runs {
  /** Row, first events and ownership in one transaction; insert-if-absent. */
  create(request: CreateRequest): Promise<CreateResult>;
  get(run: string): Promise<RunRow | undefined>;
  list(query?: RunQuery): Promise<readonly RunRow[]>;
  /**
   * Remove finished runs with their journals and inboxes; resolves to how many went. Unfinished ones stay, and so do those
   * that a run which stays goes on from.
   */
  remove(runs: readonly string[]): Promise<number>;
}

// --- outbox ----------------------------------------------------------------------------------------------------------

export interface NewDelivery {
  readonly id: string;
  readonly target: DeliveryTarget;
  /** What is delivered, as it will be sent. */
  readonly body: string;
}

/** `dead`: given up, after the last attempt or because another one is of no use. */
export type DeliveryStatus = "pending" | "delivered" | "dead";

export interface DeliveryRow {
  readonly id: string;
  readonly run: string;
  readonly target: DeliveryTarget;
  readonly status: DeliveryStatus;
  /** Begun, however they ended. */
  readonly attempts: number;
  /** Of these, known to have failed since it was last queued. */
  readonly failures: number;
  /** Of a pending one: not before, ms since the epoch. */
  readonly dueAt?: number;
  readonly error?: string;
  readonly receipt?: JsonObject;
  /** The target said that it is closed for good. */
  readonly gone?: true;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** `host/pid` of the process that sends it just now. */
  readonly owner?: string;
  /** What is delivered; only where it was asked for. */
  readonly body?: string;
}

export interface ClaimedDelivery extends DeliveryRow {
  readonly body: string;
  /** The last word of this target was that it is closed, and nobody asked for this delivery again since. */
  readonly targetGone: boolean;
}

export interface OutboxClaim {
  /** Kinds of targets that this process can deliver to. */
  readonly kinds: readonly string[];
  /** Only this delivery. */
  readonly id?: string;
  readonly at: number;
  /** Others leave them alone until then, or until this process is known to be dead. */
  readonly until: number;
  readonly limit: number;
}

export type DeliveryChange = { readonly at: number } & (
  | { readonly status: "pending"; readonly dueAt: number; readonly error?: string; readonly failures: number }
  | { readonly status: "delivered"; readonly receipt?: JsonObject }
  | { readonly status: "dead"; readonly error: string; readonly gone?: true }
);

export interface DeliveryQuery {
  readonly run?: string;
  /** Ids that start with this. */
  readonly prefix?: string;
  readonly status?: readonly DeliveryStatus[];
  /** What is delivered comes along. Default: it does not. */
  readonly withBody?: boolean;
  /** Default 100, newest first. */
  readonly limit?: number;
}

export interface Outbox {
  /** Due deliveries for this process to send, the oldest first; at most one per target at a time. Counts the attempt. */
  claim(request: OutboxClaim): Promise<readonly ClaimedDelivery[]>;
  /** How the attempt with this number ended. False when somebody else has begun another one: nothing was written. */
  record(id: string, attempt: number, change: DeliveryChange): Promise<boolean>;
  /** Due again at `at`, however it stands, unless it is being sent just now. */
  requeue(id: string, at: number): Promise<"queued" | "unknown" | "sending">;
  /** When to look again, ms since the epoch; undefined while nothing of these kinds is pending. */
  nextDue(kinds: readonly string[]): Promise<number | undefined>;
  list(query?: DeliveryQuery): Promise<readonly DeliveryRow[]>;
}
