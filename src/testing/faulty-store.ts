/** A store that goes wrong where and when a test says so. */
import { systemClock } from "../adapters/clock/system.ts";
import { ExecutusError, nearest } from "../kernel/errors.ts";
import { matchesPattern } from "../kernel/patterns.ts";
import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";
import { seededRandom } from "./seeded-random.ts";

/** `journal.append`, `outbox.*`, `*.list`, `*`. */
export type StoreMethod = string;

/**
 * What goes wrong, and with which calls. Without `error`, `delayMs`, `hang` and `act` the call fails with `store_unavailable`, as on a
 * full disk, and may be tried again.
 */
export interface Fault {
  /** Of which methods; `*` stands for any text. Default: all that write. */
  readonly method?: StoreMethod | readonly StoreMethod[];
  /** Which of these calls, from 0, counted for each fault by itself. Default: all. */
  readonly at?: number | readonly number[];
  /** Only calls with such arguments; others are not counted. */
  readonly only?: (...given: readonly never[]) => boolean;
  /** Of the calls left, so many, drawn with the seed. Default 1: all. */
  readonly probability?: number;
  /** `before`: the call does nothing. `after`: it has been made, and its caller does not hear of it. Default `before`. */
  readonly when?: "before" | "after";
  readonly error?: Error;
  /** The call takes so much longer, ms of the clock. */
  readonly delayMs?: number;
  /** The call never comes back. */
  readonly hang?: true;
  /** Done at that moment; then the call goes on as if nothing had happened. */
  readonly act?: (...given: readonly never[]) => Promise<void> | void;
}

export interface FaultyStoreOptions {
  /** For `probability`. Default 1. */
  readonly seed?: number;
  /** What `delayMs` waits by. Default: real time. */
  readonly clock?: Clock;
}

export interface FaultyStore extends Store {
  /** Calls that went wrong, in order: `before journal.append`. */
  readonly injected: readonly string[];
}

const WRITES: readonly StoreMethod[] = [
  "journal.append",
  "inbox.send",
  "owners.claim",
  "owners.release",
  "runs.create",
  "runs.remove",
  "outbox.claim",
  "outbox.record",
  "outbox.requeue",
  "budgets.apply",
];

/**
 * The same store, with faults. A call is looked at by each of them, in order. Throws `request_invalid` for a method that no store has:
 * such a fault would never happen.
 *
 * @example
 * const full = faultyStore(store, [{ method: "runs.create" }]);
 * const flaky = faultyStore(store, [{ probability: 0.05 }, { method: "journal.append", at: 3, when: "after" }], { seed: 7 });
 */
export function faultyStore(store: Store, faults: readonly Fault[], options: FaultyStoreOptions = {}): FaultyStore {
  const { seed = 1, clock = systemClock } = options;
  checkMethods(store, faults);
  const random = seededRandom(seed);
  const injected: string[] = [];
  const planned = faults.map((fault) => ({ fault, calls: 0 }));
  /** Whose turn it is with this call, decided when it is made. */
  const chosen = (name: string, given: readonly never[]): readonly Fault[] =>
    planned.flatMap((plan) => {
      const { fault } = plan;
      if (!concerns(fault, name, given)) return [];
      const at = plan.calls++;
      const isIt = fault.at === undefined || [fault.at].flat().includes(at);
      return isIt && (fault.probability === undefined || random.chance(fault.probability)) ? [fault] : [];
    });
  const goWrong = async (fault: Fault, name: string, given: readonly never[]): Promise<void> => {
    injected.push(`${fault.when ?? "before"} ${name}`);
    await fault.act?.(...given);
    if (fault.delayMs !== undefined) await new Promise<void>((resolve) => clock.after(fault.delayMs ?? 0, resolve));
    if (fault.hang === true) await new Promise(() => {});
    if (fault.error !== undefined) throw fault.error;
    if (fault.act === undefined && fault.delayMs === undefined) throw unavailable();
  };
  const call = async (name: string, given: readonly never[], go: () => Promise<unknown>): Promise<unknown> => {
    const now = chosen(name, given);
    for (const fault of now) if (fault.when !== "after") await goWrong(fault, name, given);
    const result = await go();
    for (const fault of now) if (fault.when === "after") await goWrong(fault, name, given);
    return result;
  };
  return { ...wrapped(store, call), injected };
}

type Call = (name: string, given: readonly never[], go: () => Promise<unknown>) => Promise<unknown>;
type Method = (...given: readonly never[]) => unknown;

const PARTS = ["journal", "inbox", "owners", "runs", "outbox", "lanes", "budgets"] as const;

function wrapped(store: Store, call: Call): Store {
  const parts: Record<string, object> = {};
  for (const part of PARTS) {
    const given = store[part];
    if (given !== undefined) parts[part] = wrappedPart(part, given, call);
  }
  return { ...store, ...(parts as unknown as Pick<Store, (typeof PARTS)[number]>) };
}

/** All methods answer with a promise, but for `watch`. */
function wrappedPart(part: string, given: object, call: Call): object {
  return new Proxy(given, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function" || typeof name !== "string" || name === "watch") return value;
      const method = value as Method;
      return (...args: readonly never[]) => call(`${part}.${name}`, args, async () => method.apply(target, [...args]));
    },
  });
}

/** A fault of a misspelt method never happens, and what is tested with it passes. */
function checkMethods(store: Store, faults: readonly Fault[]): void {
  const names = PARTS.flatMap((part) => methodsOf(store[part] ?? {}).map((name) => `${part}.${name}`)).concat(WRITES);
  for (const pattern of faults.flatMap(({ method = [] }) => method)) {
    if (names.some((name) => matchesPattern(pattern, name))) continue;
    const near = nearest(pattern, names);
    const hint = near === undefined ? `There are: ${names.join(", ")}.` : `Did you mean ${near}?`;
    throw new ExecutusError("request_invalid", `a fault is of ${pattern}, which is no method of a store`, { hint });
  }
}

/** Those of a class too. */
function methodsOf(part: object): readonly string[] {
  const names = new Set<string>();
  for (let at = part; at !== Object.prototype && at !== null; at = Object.getPrototypeOf(at) as object)
    for (const name of Object.getOwnPropertyNames(at)) names.add(name);
  return [...names];
}

function concerns({ method = WRITES, only }: Fault, name: string, given: readonly never[]): boolean {
  return [method].flat().some((pattern) => matchesPattern(pattern, name)) && (only === undefined || only(...given));
}

function unavailable(): ExecutusError {
  return new ExecutusError("store_unavailable", "the store cannot be written", {
    hint: "It is a fault of a test.",
    retryable: true,
  });
}
