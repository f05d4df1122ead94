/** An outcome as text for people, within what a platform takes. */
import type { DeliveryMessage } from "../../ports/delivery.ts";

/** The answer; of a run that did not complete, why, and as far as it came. */
export function textOf({ data }: DeliveryMessage): string {
  if (data.status === "completed") return data.output === "" ? `${data.agent} has finished.` : data.output;
  const why = data.error === undefined ? "" : `: ${data.error.message}`;
  const head = `${data.agent} ended as ${data.status.replaceAll("_", " ")}${why}`;
  return data.output === "" ? head : `${head}\n\n${data.output}`;
}

export function titleOf({ data }: DeliveryMessage): string {
  return `${data.agent}: ${data.status.replaceAll("_", " ")}`;
}

const NOTE = "… (cut)";

/** Cut to `most` UTF-16 units without splitting a character, with a note that there was more. */
export function fitText(text: string, most: number, note: string = NOTE): string {
  if (text.length <= most) return text;
  const end = most - note.length;
  const last = text.charCodeAt(end - 1);
  // Half of a pair is no character.
  return `${text.slice(0, last >= 0xd800 && last <= 0xdbff ? end - 1 : end)}${note}`;
}

/** Cut to `most` bytes of UTF-8. */
export function fitBytes(text: string, most: number): string {
  let units = text.length;
  for (;;) {
    const fitted = fitText(text, units);
    const bytes = Buffer.byteLength(fitted);
    if (bytes <= most || units <= NOTE.length) return fitted;
    units = Math.max(NOTE.length, Math.min(units - 1, Math.floor((units * most) / bytes)));
  }
}

const BROKEN_AT = "@\u200b";

/** Words that call everybody, made harmless wherever they stand. */
export function withoutEverybody(text: string): string {
  return text.replaceAll(/@(?=(everyone|here|channel|all)\b)/gi, BROKEN_AT);
}

/** `@name` and `@team/name` made harmless, but not in code, where nobody is called and where it would be a change. */
export function withoutMentions(text: string): string {
  return text
    .split(/(```[^]*?(?:```|$)|`[^`\n]*`)/)
    .map((part, i) => (i % 2 === 1 ? part : part.replaceAll(/(^|[^\w`])@(?=[A-Za-z0-9])/g, `$1${BROKEN_AT}`)))
    .join("");
}
