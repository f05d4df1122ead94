/** As much of a terminal as the command line uses: lines that scroll, a cursor that moves, colours. */

export type Tone = "plain" | "green" | "red" | "yellow" | "cyan";

export interface Style {
  readonly tone: Tone;
  readonly bold: boolean;
  readonly dim: boolean;
}

export interface Span extends Style {
  readonly column: number;
  readonly text: string;
}

export type Line = readonly Span[];

export interface Screen {
  /** What the program wrote; may be cut anywhere. */
  write(data: string): void;
  /** All lines so far, those that scrolled out of sight included, without empty ones at the end. */
  lines(): readonly Line[];
  text(): string;
}

type Cell = readonly [character: string, style: Style];

const PLAIN: Style = { tone: "plain", bold: false, dim: false };
const TONES: Readonly<Record<number, Tone>> = { 31: "red", 32: "green", 33: "yellow", 36: "cyan", 39: "plain" };

/** One control sequence, one control character, or one visible character. */
// oxlint-disable-next-line no-control-regex -- that is what terminals are told with
const TOKEN = /\u001B\[([?\d;]*)([A-Za-z])|\u001B[^[]|\u001B\[?[?\d;]*$|./gsu;

export function createScreen(columns: number): Screen {
  const rows: Cell[][] = [[]];
  let row = 0;
  let column = 0;
  let style = PLAIN;
  let unfinished = "";

  const newLine = (): void => {
    row++;
    rows[row] ??= [];
  };
  const put = (character: string): void => {
    if (column >= columns) {
      column = 0;
      newLine();
    }
    const line = rows[row] ?? [];
    while (line.length < column) line.push([" ", PLAIN]);
    line[column] = [character, style];
    column++;
  };
  const control = (command: string, numbers: string): void => {
    const amount = Number(numbers || "1");
    if (command === "m") style = restyle(style, numbers);
    else if (command === "A") row = Math.max(0, row - amount);
    else if (command === "K") rows[row]?.splice(column);
    else if (command === "J") {
      rows[row]?.splice(column);
      rows.splice(row + 1);
    } else if (command === "G") column = amount - 1;
  };

  return {
    write: (data) => {
      const text = unfinished + data;
      unfinished = "";
      for (const [token, numbers, command] of text.matchAll(TOKEN)) {
        if (command !== undefined) control(command, numbers ?? "");
        else if (token.startsWith("\u001B")) unfinished = token.length > 1 && !token.startsWith("\u001B[") ? "" : token;
        else if (token === "\n") newLine();
        else if (token === "\r") column = 0;
        else if (token >= " ") put(token);
      }
    },
    lines: () => withoutTail(rows.map(toSpans)),
    text: () => rows.map((cells) => cells.map(([character]) => character).join("")).join("\n"),
  };
}

function restyle(style: Style, numbers: string): Style {
  return (numbers || "0").split(";").reduce((current, number) => {
    const code = Number(number);
    if (code === 0) return PLAIN;
    if (code === 1) return { ...current, bold: true };
    if (code === 2) return { ...current, dim: true };
    if (code === 22) return { ...current, bold: false, dim: false };
    const tone = TONES[code];
    return tone === undefined ? current : { ...current, tone };
  }, style);
}

/** Neighbours of one style, together; wider gaps part them, because pictures fold spaces. */
function toSpans(cells: readonly Cell[]): Line {
  const spans: Span[] = [];
  for (const [column, [character, style]] of cells.entries()) {
    const last = spans.at(-1);
    const goesOn = last !== undefined && isSame(last, style) && !(last.text.endsWith(" ") && character === " ");
    if (goesOn) spans[spans.length - 1] = { ...last, text: last.text + character };
    else spans.push({ ...style, column, text: character });
  }
  return spans.filter(({ text }) => text.trim() !== "");
}

function isSame(one: Style, other: Style): boolean {
  return one.tone === other.tone && one.bold === other.bold && one.dim === other.dim;
}

function withoutTail(lines: readonly Line[]): readonly Line[] {
  return lines.slice(0, lines.findLastIndex((spans) => spans.length > 0) + 1);
}
