/** What a batch of events does to the ledger. Nothing of this runs where there are no budgets. */
import { costUsd } from "../kernel/cost.ts";
import type { RunState } from "../kernel/state.ts";
import type {
  BudgetAmounts,
  BudgetRefusal,
  BudgetRefused,
  BudgetReservation,
  BudgetSettlement,
  Budget,
  Ledger,
  LedgerChange,
} from "../ports/budget.ts";
import type { EventBody, ModelStarted } from "../ports/events.ts";
import type { ModelCandidate, TokenUsage } from "../ports/models.ts";
import { accountsOf } from "./budget-accounts.ts";

/** The budgets of an executor. */
export interface BudgetDesk {
  readonly budgets: readonly Budget[];
  /** A ledger outside the store; absent: the store keeps it. */
  readonly ledger?: Ledger;
}

const NOTHING: BudgetAmounts = { usd: 0, tokens: 0, seconds: 0, calls: 0 };

export interface LedgerDraftOptions {
  readonly desk: BudgetDesk;
  readonly candidates: ReadonlyMap<string, ModelCandidate>;
  /** Wall clock of the batch, ms. */
  readonly at: number;
}

/** Told of every event of a batch with the states around it. */
export class LedgerDraft {
  readonly #options: LedgerDraftOptions;
  #settle: BudgetSettlement[] | undefined;
  #reserve: BudgetReservation | undefined;
  #close = false;

  constructor(options: LedgerDraftOptions) {
    this.#options = options;
  }

  note(before: RunState, after: RunState, event: EventBody): void {
    if (before.model.inFlight && !after.model.inFlight) {
      const seconds = (after.chargedMs - before.chargedMs) / 1000;
      this.#charge(after, `model:${before.step}.${before.model.attempts}`, { calls: 1, seconds, ...usedBy(event) });
    }
    if (event.type === "model.started") this.#reserve = this.#reservation(after, event);
    this.#beside(before, after, event);
    if (event.type === "run.finished") {
      this.#close = true;
      const seconds = (after.activeMs - after.chargedMs) / 1000;
      if (seconds > 0) this.#charge(after, "end", { ...NOTHING, seconds });
    }
  }

  /** Model calls beside the conversation: a summary, a supervisor's opinion. Nobody reserves for them; they are charged as known. */
  #beside(before: RunState, after: RunState, event: EventBody): void {
    if (event.type === "supervisor.decided" && event.usage !== undefined) {
      this.#charge(after, `supervise:${event.stall}`, { ...NOTHING, calls: 1, ...spentOn(event.usage, event.costUsd) });
    }
    if ((event.type === "context.compacted" || event.type === "compaction.failed") && event.spent !== undefined) {
      const { usage, costUsd } = event.spent;
      this.#charge(after, `compact:${before.compactions}`, { ...NOTHING, calls: 1, ...spentOn(usage, costUsd) });
    }
  }

  /** Undefined when the ledger has nothing to do with this batch. */
  get change(): LedgerChange | undefined {
    if (this.#settle === undefined && this.#reserve === undefined && !this.#close) return undefined;
    return {
      ...(this.#settle === undefined ? {} : { settle: this.#settle }),
      ...(this.#reserve === undefined ? {} : { reserve: this.#reserve }),
      ...(this.#close ? { close: true } : {}),
    };
  }

  #charge(state: RunState, effect: string, amount: Partial<BudgetAmounts>): void {
    this.#settle ??= [];
    this.#settle.push({ effect, amount, accounts: this.#accounts(state) });
  }

  #reservation(state: RunState, event: ModelStarted): BudgetReservation {
    const amount = estimate(state, this.#options.candidates.get(event.model));
    // The first call is let in for itself; a later one only with room for the last word.
    const keepsRoom = state.ending === undefined && state.step > 0 && state.agent.tools.length > 0;
    return {
      effect: `model:${event.step}.${event.attempt}`,
      amount,
      spare: keepsRoom ? amount : NOTHING,
      accounts: this.#accounts(state),
    };
  }

  #accounts({ run, agent, request }: RunState): BudgetReservation["accounts"] {
    const { desk, at } = this.#options;
    return accountsOf(desk.budgets, { run, agent: agent.name, ...request }, at);
  }
}

/** Units that nobody knows are left out: what was reserved of them then counts as used. */
function usedBy(event: EventBody): Partial<BudgetAmounts> {
  if (event.type === "model.answered") {
    const tokens = tokensOf(event.usage);
    return { ...(tokens === undefined ? {} : { tokens }), ...(event.costUsd === undefined ? {} : { usd: event.costUsd }) };
  }
  if (event.type === "model.failed" && event.usageUnknown !== true) return { usd: 0, tokens: 0 };
  return {};
}

function spentOn(usage: TokenUsage, costUsd: number | undefined): Partial<BudgetAmounts> {
  return { tokens: tokensOf(usage) ?? 0, ...(costUsd === undefined ? {} : { usd: costUsd }) };
}

function tokensOf({ inputTokens, outputTokens }: TokenUsage): number | undefined {
  return inputTokens === undefined && outputTokens === undefined ? undefined : (inputTokens ?? 0) + (outputTokens ?? 0);
}

/** Output of a first answer whose length nobody bounded. */
const TYPICAL_OUTPUT_TOKENS = 1_000;
const CHARACTERS_PER_TOKEN = 4;

/** The next call needs what the last one needed; the first one what its prompt and the longest answer make likely. */
function estimate(state: RunState, candidate: ModelCandidate | undefined): BudgetAmounts {
  const seconds = state.step === 0 ? 0 : state.activeMs / state.step / 1000;
  if (state.lastCallTokens > 0 && (state.lastCallCostUsd > 0 || candidate?.price === undefined)) {
    return { usd: state.lastCallCostUsd, tokens: state.lastCallTokens, seconds, calls: 1 };
  }
  const inputTokens = promptTokens(state);
  const outputTokens = state.agent.settings.maxOutputTokens ?? TYPICAL_OUTPUT_TOKENS;
  const usd = candidate?.price === undefined ? 0 : (costUsd({ inputTokens, outputTokens }, candidate.price) ?? 0);
  return { usd, tokens: inputTokens + outputTokens, seconds, calls: 1 };
}

function promptTokens({ agent, messages }: RunState): number {
  let characters = agent.instructions.length;
  for (const { description, inputSchema } of agent.tools) characters += description.length + JSON.stringify(inputSchema).length;
  for (let i = 0; i < messages.length; i++) characters += JSON.stringify(messages.items[i]?.content ?? []).length;
  return Math.ceil(characters / CHARACTERS_PER_TOKEN);
}

const UNIT_NAMES: Readonly<Record<keyof BudgetAmounts, string>> = {
  usd: "US dollars",
  tokens: "tokens",
  seconds: "seconds of running time",
  calls: "model calls",
};

/** In words, for the journal and for whoever is refused. */
export function refusalMessage({ account, unit, limit, used, reserved, asked }: BudgetRefusal): string {
  const { per, name, window } = account;
  const who = per === "all" ? "everybody" : `the ${per} ${name === "" ? "that is not named" : name}`;
  const whose = `${who} (per ${window})`;
  const open = reserved > 0 ? `, ${figure(reserved)} reserved by calls under way` : "";
  return `The budget of ${whose} has no room for another call: ${figure(used)} of ${figure(limit)} ${UNIT_NAMES[unit]} used${open}, about ${figure(asked)} more needed.`;
}

function figure(amount: number): string {
  return String(Number(amount.toPrecision(6)));
}

export function toRefusedEvent(refusal: BudgetRefusal): BudgetRefused {
  const { account, unit, limit, used, reserved, asked, wrapUp } = refusal;
  const { per, name, window } = account;
  const figures = { unit, limit, used, reserved, asked };
  return { type: "budget.refused", per, name, window, ...figures, message: refusalMessage(refusal), wrapUp };
}
