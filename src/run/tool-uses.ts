/** Tools that keep something between calls are told who calls them, until that executor has shut down. */
import type { KeptBetweenCalls, Tool } from "../ports/tools.ts";

export class ToolUses {
  readonly #ends = new Map<KeptBetweenCalls, () => void>();

  note({ keeps }: Tool): void {
    if (keeps !== undefined && !this.#ends.has(keeps)) this.#ends.set(keeps, keeps.use());
  }

  end(): void {
    const ends = [...this.#ends.values()];
    this.#ends.clear();
    for (const end of ends) end();
  }
}
