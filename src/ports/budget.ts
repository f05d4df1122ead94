/** A ledger across runs. Without one, every run is admitted. */
export interface BudgetRequest {
  readonly run: string;
  readonly agent: string;
  readonly caller?: string;
  readonly channel?: string;
  readonly tenant?: string;
}

export type BudgetDecision = { readonly admitted: true } | { readonly admitted: false; readonly reason: string };

export interface BudgetSettlement extends BudgetRequest {
  readonly activeMs: number;
  readonly tokens: number;
  readonly costUsd: number | "unknown";
}

export interface Budget {
  /** Asked before anything else of a run happens: a refused run makes no model call and leaves no journal. */
  reserve(request: BudgetRequest): Promise<BudgetDecision>;
  /** Told once a run has ended, however it ended; idempotent by run. */
  settle(settlement: BudgetSettlement): Promise<void>;
}
