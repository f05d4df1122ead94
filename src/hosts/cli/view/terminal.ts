/** What the terminal can do, asked once. */
import { styleText } from "node:util";

export type Tone = "plain" | "dim" | "bold" | "good" | "bad" | "warn" | "accent";

export interface Marks {
  readonly ok: string;
  readonly error: string;
  readonly doubt: string;
  readonly note: string;
  readonly call: string;
  readonly dot: string;
  readonly ellipsis: string;
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
  ellipsis: "…",
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
  ellipsis: "...",
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
export function terminalOf(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv = process.env): Terminal {
  return {
    stream,
    isLive: stream.isTTY && env["TERM"] !== "dumb",
    columns: () => (stream.isTTY ? Math.max(20, stream.columns) : 160),
    paint: (tone, text) => (tone === "plain" || text === "" ? text : styleText(STYLES[tone], text, { stream })),
    marks: isUnicode(env) ? UNICODE : ASCII,
  };
}

/** A locale that is not set says nothing: such terminals are newer than the habit of setting it. */
function isUnicode(env: NodeJS.ProcessEnv): boolean {
  if (env["TERM"] === "linux") return false;
  const locale = [env["LC_ALL"], env["LC_CTYPE"], env["LANG"]].find((value) => value !== undefined && value !== "");
  return locale === undefined || /utf-?8/i.test(locale);
}
