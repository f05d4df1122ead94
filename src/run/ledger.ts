/** What a batch of events does to the ledger. Nothing of this runs where there are no budgets. */
import { compactionDue, compactionTokens } from "../kernel/compaction.ts";
import { costUsd } from "../kernel/cost.ts";
import type { Effect } from "../kernel/effects.ts";
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
import type { SupervisorDecided } from "../ports/supervision.ts";
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
/** Beside a step, whose time is counted already. */
const NO_TIME: Partial<BudgetAmounts> = { seconds: 0, calls: 1 };

export interface LedgerDraftOptions {
  readonly desk: BudgetDesk;
  readonly candidates: ReadonlyMap<string, ModelCandidate>;
  /** Wall clock of the batch, ms. */
  readonly at: number;
  /** Of a supervisor that asks a model: tokens of one decision. */
  readonly supervisorTokens?: number | undefined;
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
    this.#letGo(before, after, event);
    this.#beside(before, after, event);
    if (event.type === "run.finished") {
      this.#close = true;
      const seconds = (after.activeMs - after.chargedMs) / 1000;
      if (seconds > 0) this.#charge(after, "end", { ...NOTHING, seconds });
    }
  }

  /**
   * What is wanted once the batch is durable: model calls beside the conversation (a summary, a supervisor's opinion) have no start in
   * the journal, so room is kept for them where they begin. A batch has one reservation: of two that begin together, which only a
   * takeover brings about, the second is charged when it is over.
   */
  want(state: RunState, effect: Effect): void {
    if (this.#reserve !== undefined || (effect.kind !== "compact" && effect.kind !== "supervise")) return;
    const { supervisorTokens } = this.#options;
    const tokens = effect.kind === "compact" ? compactionTokens(state) : supervisorTokens;
    if (tokens === undefined) return;
    const keepsRoom = effect.kind === "compact" && state.ending === undefined;
    this.#reserve = {
      effect: idOf(effect.kind, effect.kind === "compact" ? effect.number : effect.stall.stall, state),
      amount: { usd: this.#priceOf(state, tokens), tokens, seconds: 0, calls: 1 },
      spare: keepsRoom ? { ...NOTHING, usd: state.lastCallCostUsd, tokens: state.lastCallTokens, calls: 1 } : NOTHING,
      accounts: this.#accounts(state),
    };
  }

  /** At the price of the run's own model: which one will be asked is not known here, and it is rarely a dearer one. */
  #priceOf({ models, model }: RunState, inputTokens: number): number {
    const price = this.#options.candidates.get(models[model.candidate] ?? "")?.price;
    return price === undefined ? 0 : (costUsd({ inputTokens, outputTokens: 0 }, price) ?? 0);
  }

  /** How a model call beside the conversation ended. */
  #beside(before: RunState, after: RunState, event: EventBody): void {
    if (event.type === "supervisor.decided" && (event.usage !== undefined || this.#options.supervisorTokens !== undefined)) {
      const { stall, usage, costUsd: usd, by } = event;
      const effect = idOf("supervise", stall, before);
      if (usage !== undefined) this.#charge(after, effect, { ...NO_TIME, ...spentOn(usage, usd) });
      else if (by !== "nobody") this.#free(effect);
      else this.#letStand(effect);
    }
    if (event.type === "context.compacted" || event.type === "compaction.failed") {
      const effect = idOf("compact", before.compactions, before);
      if (event.spent !== undefined)
        this.#charge(after, effect, { ...NO_TIME, ...spentOn(event.spent.usage, event.spent.costUsd) });
      else if (event.type === "compaction.failed" && event.usageUnknown === true) this.#letStand(effect);
      else this.#free(effect);
    }
  }

  /** Not wanted any more, or lost with its process. */
  #letGo(before: RunState, after: RunState, event: EventBody): void {
    const isLost = event.type === "attempt.started";
    if (isCompacting(before) && (isLost || after.compactions !== before.compactions || !isCompacting(after)))
      if (event.type !== "context.compacted" && event.type !== "compaction.failed")
        this.#letStand(idOf("compact", before.compactions, before));
    const { stall } = before.supervision;
    if (isLost && stall !== undefined) this.#letStand(idOf("supervise", stall.stall, before));
  }

  /** What was reserved, if anything was, counts as used. */
  #letStand(effect: string): void {
    this.#settle ??= [];
    this.#settle.push({ effect, amount: {}, accounts: [] });
  }

  /** Nothing was used. */
  #free(effect: string): void {
    this.#settle ??= [];
    this.#settle.push({ effect, amount: NOTHING, accounts: [] });
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

/** A repeated call is another one: each attempt reserves for its own. */
function idOf(kind: "compact" | "supervise", number: number, { epoch }: RunState): string {
  return `${kind}:${number}.${epoch}`;
}

function isCompacting(state: RunState): boolean {
  return state.settling === undefined && compactionDue(state) !== undefined;
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
  const tokens = tokensOf(usage);
  return { ...(tokens === undefined ? {} : { tokens }), ...(costUsd === undefined ? {} : { usd: costUsd }) };
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

/** What is recorded instead of what had no room: a supervisor that cannot be paid is not asked, anything else ends the run. */
export function toRefusedEvent({ refusal, effect }: Refused, state: RunState): BudgetRefused | SupervisorDecided {
  const message = refusalMessage(refusal);
  const { stall } = state.supervision;
  if (isOfSupervisor({ effect }) && stall !== undefined) {
    const reason = `The supervisor was not asked. ${message}`;
    return { type: "supervisor.decided", stall: stall.stall, action: "leave", reason, by: "nobody", durationMs: 0 };
  }
  const { account, unit, limit, used, reserved, asked } = refusal;
  const { per, name, window } = account;
  const figures = { unit, limit, used, reserved, asked };
  // A last word needs no summary, and room of its own.
  const wrapUp = refusal.wrapUp || (effect.startsWith("compact:") && state.ending === undefined);
  return { type: "budget.refused", per, name, window, ...figures, message, wrapUp };
}

export function isOfSupervisor({ effect }: Pick<Refused, "effect">): boolean {
  return effect.startsWith("supervise:");
}

/** A reservation that had no room. */
export interface Refused {
  readonly refusal: BudgetRefusal;
  readonly effect: string;
}
