/** What answers name: the same in every process for as long as something is waited for. `before`: how often the call has waited. */
export function waitId(run: string, call: string, before: number): string {
  return before === 0 ? `${run}:${call}` : `${run}:${call}:${before + 1}`;
}
