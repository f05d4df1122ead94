/** Work on one file happens in turn, whichever run or tool asks; the offsets in the ledger of appends rest on it. */
const last = new Map<string, Promise<unknown>>();

export async function inTurn<T>(file: string, work: () => Promise<T>): Promise<T> {
  const before = last.get(file) ?? Promise.resolve();
  const mine = before.then(work, work);
  last.set(file, mine);
  try {
    return await mine;
  } finally {
    if (last.get(file) === mine) last.delete(file);
  }
}
