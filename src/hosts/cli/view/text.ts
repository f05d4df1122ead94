/** Text for a terminal: its width in columns, cut to fit, without what could move the cursor. */
import { stripVTControlCharacters } from "node:util";

/** A locale that is not set says nothing: such terminals are newer than the habit of setting it. */
export function isUnicode(env: NodeJS.ProcessEnv): boolean {
  if (env["TERM"] === "linux") return false;
  const locale = [env["LC_ALL"], env["LC_CTYPE"], env["LANG"]].find((value) => value !== undefined && value !== "");
  return locale === undefined || /utf-?8/i.test(locale);
}

/** Stands for what was cut off. */
export const ELLIPSIS: string = isUnicode(process.env) ? "…" : "...";

// Everything that is not a printable character, but for tab and newline; and the marks that turn the direction of text round.
// oxlint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]/g;

/** Text of models and tools may hold escape sequences, which a terminal would obey. */
export function sanitize(text: string): string {
  return stripVTControlCharacters(text).replaceAll("\r\n", "\n").replaceAll(CONTROLS, "");
}

/** One line: sanitized, runs of white space as one space. */
export function oneLine(text: string): string {
  return sanitize(text).replaceAll(/\s+/g, " ").trim();
}

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });
const WIDE =
  /^[\u1100-\u115F\u2E80-\u303E\u3041-\u33FF\u3400-\u4DBF\u4E00-\u9FFF\uA000-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{20000}-\u{3FFFD}]|^\p{Emoji_Presentation}|\uFE0F/u;
const ASCII = /^[\u0020-\u007E]*$/;

/** Columns that the text takes, without its styling. */
export function widthOf(text: string): number {
  const plain = stripVTControlCharacters(text);
  if (ASCII.test(plain)) return plain.length;
  let width = 0;
  for (const { segment } of segmenter.segment(plain)) width += graphemeWidth(segment);
  return width;
}

function graphemeWidth(segment: string): number {
  if (/^\p{Mark}/u.test(segment)) return 0;
  return WIDE.test(segment) ? 2 : 1;
}

/** Unstyled text cut to at most so many columns, the cut marked. */
export function fit(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  const room = columns - widthOf(ELLIPSIS);
  let kept = "";
  let width = 0;
  for (const { segment } of segmenter.segment(text)) {
    width += graphemeWidth(segment);
    if (width > room) break;
    kept += segment;
  }
  return room < 0 ? "" : kept + ELLIPSIS;
}

/** The end of a text instead of its beginning. */
export function fitEnd(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  const room = Math.max(0, columns - widthOf(ELLIPSIS));
  let kept = "";
  let width = 0;
  // A cut by characters first: segmenting a long text for its last line would be work for nothing.
  for (const { segment } of [...segmenter.segment(text.slice(-columns * 4))].toReversed()) {
    width += graphemeWidth(segment);
    if (width > room) break;
    kept = segment + kept;
  }
  return ELLIPSIS + kept;
}

export function padEnd(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - widthOf(text)));
}

export function padStart(text: string, columns: number): string {
  return " ".repeat(Math.max(0, columns - widthOf(text))) + text;
}

/** Columns aligned over all rows; figures to the right. */
export function table(rows: readonly (readonly string[])[], rightAligned: readonly number[] = []): readonly string[] {
  const widths: number[] = [];
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, widthOf(cell));
  return rows.map((row) =>
    row
      .map((cell, i) => (rightAligned.includes(i) ? padStart(cell, widths[i] ?? 0) : padEnd(cell, widths[i] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}
