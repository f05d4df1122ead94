/** A line for a terminal: pieces with a tone, cut to its width before they are painted. */
import type { Terminal, Tone } from "./terminal.ts";
import { fit, widthOf } from "./text.ts";

export type Span = readonly [tone: Tone, text: string];
export type Line = readonly Span[];

/** The texts must be of one line and sanitized. */
export function paintLine(terminal: Terminal, line: Line, columns: number = terminal.columns()): string {
  let painted = "";
  let left = columns;
  for (const [tone, text] of line) {
    if (left <= 0) break;
    const cut = fit(text, left);
    painted += terminal.paint(tone, cut);
    left -= widthOf(cut);
    if (cut !== text) break;
  }
  return painted;
}
