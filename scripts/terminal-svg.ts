/** Screens of a terminal as one picture: text stays text, on a ground of its own, so that it reads on light and dark pages. */
import type { Line, Span } from "./terminal-screen.ts";

export interface Frame {
  readonly caption: string;
  readonly lines: readonly Line[];
}

export interface Picture {
  readonly title: string;
  readonly description: string;
  readonly columns: number;
  readonly frames: readonly Frame[];
}

const CHARACTER = 7.8;
const LINE = 18;
const MARGIN = 16;
const CAPTION = 40;
const GAP = 12;

const STYLE = `
  text { font: 13px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #e6edf3 }
  .caption { font: 600 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #ffffff }
  .green { fill: #4ac26b } .red { fill: #ff8182 } .yellow { fill: #e0b23c } .cyan { fill: #56c8d8 }
  .dim { fill: #9aa4ae } .bold { font-weight: 700 }`;

export function toSvg({ title, description, columns, frames }: Picture): string {
  const width = Math.ceil(columns * CHARACTER + 2 * MARGIN);
  const drawn: string[] = [];
  let top = 0;
  for (const frame of frames) {
    const height = CAPTION + frame.lines.length * LINE + MARGIN;
    drawn.push(drawFrame(frame, { top, width, height }));
    top += height + GAP;
  }
  const height = top - GAP;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title description">
<title id="title">${escape(title)}</title>
<desc id="description">${escape(description)}</desc>
<style>${STYLE}
</style>
${drawn.join("\n")}
</svg>
`;
}

interface Box {
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

function drawFrame({ caption, lines }: Frame, { top, width, height }: Box): string {
  const texts = lines.flatMap((spans, i) => spans.map((span) => drawSpan(span, top + CAPTION + (i + 1) * LINE - 5)));
  return [
    `<rect x="0.5" y="${top + 0.5}" width="${width - 1}" height="${height - 1}" rx="8" fill="#161b22" stroke="#57606a"/>`,
    `<text class="caption" x="${MARGIN}" y="${top + 25}">${escape(caption)}</text>`,
    ...texts,
  ].join("\n");
}

/** The length is given, so that columns stay columns whatever font the reader has. */
function drawSpan({ column, text, tone, bold, dim }: Span, y: number): string {
  const shown = text.trimEnd();
  const before = shown.length - shown.trimStart().length;
  const x = MARGIN + (column + before) * CHARACTER;
  const classes = [tone === "plain" ? "" : tone, dim && tone === "plain" ? "dim" : "", bold ? "bold" : ""].filter(
    (name) => name !== "",
  );
  const attributes = classes.length === 0 ? "" : ` class="${classes.join(" ")}"`;
  const length = (shown.length - before) * CHARACTER;
  return `<text${attributes} x="${round(x)}" y="${round(y)}" textLength="${round(length)}">${escape(shown.trimStart())}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
