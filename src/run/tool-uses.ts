/** Tools that keep something between calls are told who calls them, until that executor has shut down. */
import type { Tool } from "../ports/tools.ts";

export class ToolUses {
  /** By the function, which copies of a tool share. */
  readonly #ends = new Map<NonNullable<Tool["use"]>, () => void>();

  note({ use }: Tool): void {
    if (use !== undefined && !this.#ends.has(use)) this.#ends.set(use, use());
  }

  end(): void {
    const ends = [...this.#ends.values()];
    this.#ends.clear();
    for (const end of ends) end();
  }
}
