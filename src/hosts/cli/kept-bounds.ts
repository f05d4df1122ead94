/**
 * Budgets and the supervisor that were asked for with `run` hold until the run has ended, whoever goes on with it: they are labels of
 * the run, as the folder of its files is, since a process has only what it was given. Children and forks have the same labels.
 */
import { ExecutusError } from "../../kernel/errors.ts";
import type { RunState } from "../../kernel/state.ts";
import type { Budget } from "../../ports/budget.ts";
import { type BoundOptions, isSameBudget, parseBudget, parseSupervisor } from "./bounds.ts";
import { quote } from "./command-line.ts";

/** JSON: a list of what stood after each `--budget`. */
const BUDGET_LABEL = "executus.budget";
const SUPERVISOR_LABEL = "executus.supervisor";

export function boundLabels({ budget = [], supervisor }: BoundOptions): Readonly<Record<string, string>> {
  return {
    ...(budget.length === 0 ? {} : { [BUDGET_LABEL]: JSON.stringify(budget.flatMap(toTexts)) }),
    ...(supervisor === undefined ? {} : { [SUPERVISOR_LABEL]: supervisor }),
  };
}

/** Those the run was started with; what is given now goes before them. Throws `request_invalid` for labels that say nothing. */
export function keptBounds({ run, request }: Pick<RunState, "run" | "request">, given: BoundOptions = {}): BoundOptions {
  const { [BUDGET_LABEL]: budgets, [SUPERVISOR_LABEL]: who } = request.labels ?? {};
  const kept = budgets === undefined ? [] : readLabel({ run, label: BUDGET_LABEL, text: budgets }, readBudgets);
  const budget = joined(given.budget ?? [], kept);
  const was = who === undefined ? undefined : readLabel({ run, label: SUPERVISOR_LABEL, text: who }, parseSupervisor);
  const supervisor = given.supervisor ?? was;
  return { ...(budget.length === 0 ? {} : { budget }), ...(supervisor === undefined ? {} : { supervisor }) };
}

/** As options of a command; undefined when the run was started with none. */
export function keptOptions(state: Pick<RunState, "run" | "request">, given?: BoundOptions): string | undefined {
  if (Object.keys(keptBounds(state)).length === 0) return undefined;
  const { budget = [], supervisor } = keptBounds(state, given);
  const words = budget.flatMap(toTexts).map((text) => `--budget ${quote(text)}`);
  return [...words, ...(supervisor === undefined ? [] : [`--supervisor ${quote(supervisor)}`])].join(" ");
}

/** Of the same budget, units that are not given now stay as they were. */
function joined(given: readonly Budget[], kept: readonly Budget[]): readonly Budget[] {
  const texts = [...kept, ...given].flatMap(toTexts);
  const all = texts.reduce<readonly Budget[]>((before, text) => parseBudget(text, before), []);
  const isGiven = (one: Budget): boolean => given.some((other) => isSameBudget(one, other));
  return [...all.filter(isGiven), ...all.filter((one) => !isGiven(one))];
}

function toTexts({ per, window, match, limit }: Budget): readonly string[] {
  const who = match === undefined ? per : `${per}:${match}`;
  return Object.entries(limit).map(([unit, amount]) => `${unit}=${toDigits(amount)}/${window}@${who}`);
}

/** Without an exponent, which the option does not take. */
function toDigits(amount: number): string {
  return amount.toLocaleString("en-US", { useGrouping: false, maximumFractionDigits: 20 });
}

function readBudgets(text: string): readonly Budget[] {
  const texts: unknown = JSON.parse(text);
  if (!Array.isArray(texts)) throw new Error("it is no list");
  return texts.map(String).reduce<readonly Budget[]>((before, one) => parseBudget(one, before), []);
}

interface Label {
  readonly run: string;
  readonly label: string;
  readonly text: string;
}

/** Going on without a bound that somebody asked for is worse than not going on. */
function readLabel<T>({ run, label, text }: Label, read: (text: string) => T): T {
  try {
    return read(text);
  } catch (cause) {
    const message = `${run} was started with bounds that cannot be read here: its label ${label} says ${text}`;
    throw new ExecutusError("request_invalid", message, {
      run,
      cause,
      hint: "Resume it with the version of executus that started it.",
    });
  }
}
