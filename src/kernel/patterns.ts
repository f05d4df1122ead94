/** Names with `*` for any text: allow-lists and budgets are written with them. */

/** Whole names only; every character but `*` stands for itself. */
export function matchesPattern(pattern: string, name: string): boolean {
  if (!pattern.includes("*")) return pattern === name;
  const [first = "", ...rest] = pattern.split("*");
  if (!name.startsWith(first)) return false;
  let from = first.length;
  const last = rest.pop() ?? "";
  for (const part of rest) {
    const at = name.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return name.length - last.length >= from && name.endsWith(last);
}
