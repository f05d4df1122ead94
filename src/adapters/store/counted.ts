/** A store whose budgets are counted elsewhere: runs in memory beside a store that keeps others are paid for all the same. */
import type { Ledger } from "../../ports/budget.ts";
import type { AppendRequest, AppendResult, CreateRequest, CreateResult, Store } from "../../ports/store.ts";

/** The ledger is told first, as one outside a store is: there is no transaction to share with it. */
export function countedBy(store: Store, ledger: Ledger, isCounted: (run: string) => boolean): Store {
  const append = async (request: AppendRequest): Promise<AppendResult> => {
    const { ledger: change, ...rest } = request;
    if (change === undefined || !isCounted(request.run)) return store.journal.append(request);
    const refusal = await ledger.apply(request.run, change);
    return refusal === undefined ? store.journal.append(rest) : { ok: false, reason: "budget", refusal };
  };
  const create = async (request: CreateRequest): Promise<CreateResult> => {
    const { ledger: change, ...rest } = request;
    const { run } = request;
    if (change === undefined || !isCounted(run)) return store.runs.create(request);
    if ((await store.runs.get(run)) !== undefined) return { created: false, run };
    const refusal = await ledger.apply(run, change);
    return refusal === undefined ? store.runs.create(rest) : { created: false, run, refusal };
  };
  return { ...store, journal: { ...store.journal, append }, runs: { ...store.runs, create } };
}
