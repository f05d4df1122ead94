/**
 * Budgets: a ledger across runs. Before a model call an estimate is reserved, after it what it used is settled, both in the
 * transaction of the events they belong to.
 *
 * L1 What is used and reserved on an account never exceeds its limit at the moment of a reservation.
 * L2 Reserving and settling are idempotent by run and effect: saying it again changes nothing.
 * L3 A refused change has written nothing, neither to the ledger nor to the journal.
 */

/** `usd`: US dollars; `tokens`: input and output; `seconds`: running time of runs, added up; `calls`: model calls, tries included. */
export interface BudgetAmounts {
  readonly usd: number;
  readonly tokens: number;
  readonly seconds: number;
  readonly calls: number;
}

/** Who shares a budget. `tree`: a run and all runs below it; `agent`: all runs of one agent; `all`: everybody. */
export type BudgetScope = "tenant" | "caller" | "tree" | "agent" | "all";

/** Calendar windows in UTC; `run` is the life of one run and all runs below it. */
export type BudgetWindow = "run" | "hour" | "day" | "month";

/** One line of `budgets`: who, in which window, how much. */
export interface Budget {
  readonly per: BudgetScope;
  /** Only this tenant, caller or agent; `*` stands for any text. Of several lines with the same `per` and `window` the first counts. */
  readonly match?: string;
  readonly window: BudgetWindow;
  /** At least one of them. */
  readonly limit: Partial<BudgetAmounts>;
}

/** Where something is counted: one tenant's day, one tree. */
export interface BudgetAccount {
  /** Unique in a ledger. */
  readonly key: string;
  readonly per: BudgetScope;
  /** The tenant, caller, agent or root run; empty for `all`, and for runs that name none. */
  readonly name: string;
  readonly window: BudgetWindow;
  /** Start of the window, ms since the epoch; 0 for `run`. */
  readonly since: number;
  /** Of a `run` window: the root run. The account goes when that run is removed from the store. */
  readonly root?: string;
}

export interface LimitedAccount extends BudgetAccount {
  readonly limit: Partial<BudgetAmounts>;
}

export interface BudgetReservation {
  /** The model call: `model:STEP.ATTEMPT`. */
  readonly effect: string;
  /** The estimate. */
  readonly amount: BudgetAmounts;
  /** What must be free beside it, for the wrap-up; it is not reserved. */
  readonly spare: BudgetAmounts;
  readonly accounts: readonly LimitedAccount[];
}

export interface BudgetSettlement {
  /** That of a reservation, or of something that was never reserved. */
  readonly effect: string;
  /** What was used. Of a unit that is left out nobody knows it, so what was reserved counts as used. */
  readonly amount: Partial<BudgetAmounts>;
  /** Charged when there is no reservation with this effect. */
  readonly accounts: readonly LimitedAccount[];
}

/** What a batch of events does to the ledger, all of it or nothing. Settlements come first. */
export interface LedgerChange {
  readonly settle?: readonly BudgetSettlement[];
  readonly reserve?: BudgetReservation;
  /** The run has ended: what is still reserved counts as used, and its effects are forgotten. */
  readonly close?: true;
}

/** The account that has no room. */
export interface BudgetRefusal {
  readonly account: BudgetAccount;
  readonly unit: keyof BudgetAmounts;
  readonly limit: number;
  readonly used: number;
  readonly reserved: number;
  /** What the call was expected to need. */
  readonly asked: number;
  /** There is room for this one call, but for nothing after it. */
  readonly wrapUp: boolean;
}

export interface BudgetStanding extends BudgetAccount {
  /** As of the last reservation. */
  readonly limit: Partial<BudgetAmounts>;
  readonly used: BudgetAmounts;
  /** Of model calls under way. */
  readonly reserved: BudgetAmounts;
}

export interface BudgetQuery {
  readonly per?: BudgetScope;
  readonly name?: string;
  /** Only windows that have not ended at this time, ms since the epoch; `run` windows have no end. */
  readonly at?: number;
}

/** Reading a ledger. */
export interface BudgetReader {
  standings(query?: BudgetQuery): Promise<readonly BudgetStanding[]>;
}

/**
 * A ledger by itself. One of one's own, outside the store, is told before the events are appended, and may hear the same twice:
 * after a crash, or when an append had to be repeated. Stores have theirs as `budgets` and change it with their appends.
 *
 * What was reserved for a start that failed is given back once the store says that there is no such run; what cannot be told, of either
 * side, is tried again while it fails with a `retryable` ExecutusError. A process that dies between the reservation and the start leaves
 * one of a run that nobody will ever drive. Only the ledger's owner can find it: open reservations of ids that are not in the store.
 */
export interface Ledger extends BudgetReader {
  /** Undefined: done. Else the whole change was refused. */
  apply(run: string, change: LedgerChange): Promise<BudgetRefusal | undefined>;
}

/** What a host's own gate is asked before anything of a run happens. */
export interface AdmissionRequest {
  readonly run: string;
  readonly agent: string;
  readonly caller?: string;
  readonly channel?: string;
  readonly tenant?: string;
  readonly parent?: string;
}

export type AdmissionDecision = { readonly admitted: true } | { readonly admitted: false; readonly reason: string };

/**
 * A host's own gate, asked about children of runs too. Whoever starts the run waits for the answer; a gate that fails refuses it.
 *
 * Asking uses nothing up: it is asked again when a start is repeated that came to nothing (a process died, a model was not found), and
 * it is not told whether a run begins. What counts runs is a budget. Of a run that is there, by its id or its idempotency key, it is not
 * asked. It gives a reason when it refuses, for the caller, and changes nothing of what it is given.
 */
export type Admit = (request: AdmissionRequest) => Promise<AdmissionDecision> | AdmissionDecision;

/** The ledger had no room for the next model call. Like a limit: what follows is the wrap-up, if there is room for that. */
export interface BudgetRefused {
  readonly type: "budget.refused";
  readonly v?: number;
  readonly per: BudgetScope;
  readonly name: string;
  readonly window: BudgetWindow;
  readonly unit: keyof BudgetAmounts;
  readonly limit: number;
  readonly used: number;
  readonly reserved: number;
  readonly asked: number;
  readonly message: string;
  readonly wrapUp: boolean;
}
