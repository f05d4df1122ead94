/**
 * An append-only list with value semantics and amortised constant appends.
 *
 * Every list sees a prefix of a shared backing array. The list that ends where the array ends may append in place; any other
 * one (a fork of an earlier state) copies first. So folding a long journal is linear, and an old state never changes.
 *
 * L1 The first `length` items of a list never change.
 */
export interface List<T> {
  readonly length: number;
  /** Shared; may be longer than `length`. Read through `toArray`, `at` or `last`. */
  readonly items: readonly T[];
}

export function emptyList<T>(): List<T> {
  return { length: 0, items: [] };
}

export function append<T>(list: List<T>, item: T): List<T> {
  const items = list.items.length === list.length ? (list.items as T[]) : list.items.slice(0, list.length);
  items.push(item);
  return { length: list.length + 1, items };
}

export function last<T>(list: List<T>): T | undefined {
  return list.length === 0 ? undefined : list.items[list.length - 1];
}

/** The items without a copy where that is possible: to read at once, not to keep, because it may grow. */
export function view<T>(list: List<T>): readonly T[] {
  return list.items.length === list.length ? list.items : list.items.slice(0, list.length);
}

/** A copy, from `start` on. */
export function toArray<T>(list: List<T>, start = 0): T[] {
  return list.items.slice(start, list.length);
}
