/** What the terminal can do, asked once. */
import { styleText } from "node:util";
import { isUnicode } from "./text.ts";

export type Tone = "plain" | "dim" | "bold" | "good" | "bad" | "warn" | "accent";

export interface Marks {
  readonly ok: string;
  readonly error: string;
  readonly doubt: string;
  readonly note: string;
  readonly call: string;
  readonly dot: string;
  readonly full: string;
  readonly empty: string;
  readonly spinner: readonly string[];
}

export interface Terminal {
  readonly stream: NodeJS.WriteStream;
  /** Lines can be redrawn in place. */
  readonly isLive: boolean;
  columns(): number;
  paint(tone: Tone, text: string): string;
  readonly marks: Marks;
}

const UNICODE: Marks = {
  ok: "✓",
  error: "✗",
  doubt: "?",
  note: "!",
  call: "→",
  dot: "·",
  full: "█",
  empty: "░",
  spinner: ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"],
};

const ASCII: Marks = {
  ok: "+",
  error: "x",
  doubt: "?",
  note: "!",
  call: ">",
  dot: "-",
  full: "#",
  empty: ".",
  spinner: ["|", "/", "-", "\\"],
};

const STYLES: Readonly<Record<Exclude<Tone, "plain">, Parameters<typeof styleText>[0]>> = {
  dim: "dim",
  bold: "bold",
  good: "green",
  bad: "red",
  warn: "yellow",
  accent: "cyan",
};

/** Colours follow NO_COLOR, FORCE_COLOR and what the stream is; marks follow the locale. */
export function terminalOf(stream: NodeJS.WriteStream): Terminal {
  return {
    stream,
    isLive: stream.isTTY && process.env["TERM"] !== "dumb",
    columns: () => (stream.isTTY ? Math.max(20, stream.columns) : 160),
    paint: (tone, text) => (tone === "plain" || text === "" ? text : styleText(STYLES[tone], text, { stream })),
    marks: isUnicode(process.env) ? UNICODE : ASCII,
  };
}
