/** Takes registered values out of texts, data and streams. */
import type { ModelDelta } from "../ports/models.ts";

export interface SecretValue {
  readonly value: string;
  /** Shown in its place. */
  readonly name?: string;
}

export interface Redactor {
  text(text: string): string;
  /** Every string in it, keys too; the very same value where nothing had to change. */
  data<T>(data: T): T;
  /** For one stream: what may be the beginning of a secret is held back until more has come. */
  deltas(): DeltaRedactor;
}

export interface DeltaRedactor {
  push(delta: ModelDelta): readonly ModelDelta[];
  end(): readonly ModelDelta[];
}

export function createRedactor(secrets: readonly SecretValue[]): Redactor | undefined {
  const masks = new Map<string, string>();
  for (const { value, name } of secrets) {
    const mask = name === undefined ? "[redacted]" : `[redacted ${name}]`;
    for (const form of formsOf(value)) if (!masks.has(form)) masks.set(form, mask);
  }
  if (masks.size === 0) return undefined;
  const patterns = new Patterns(masks);
  const text = (given: string): string => patterns.redact(given);
  return { text, data: (data) => redactData(data, text), deltas: () => new Deltas(patterns) };
}

/** As it is, and as it looks inside JSON, in an address, and in Base64. */
function formsOf(value: string): ReadonlySet<string> {
  const base64 = Buffer.from(value, "utf8").toString("base64").replace(/=+$/, "");
  const inJson = JSON.stringify(value).slice(1, -1);
  return new Set([value, inJson, encodeURIComponent(value), base64, base64.replaceAll("+", "-").replaceAll("/", "_")]);
}

function escaped(form: string): string {
  return form.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

/** Of two secrets of which one begins the other, the longer one is looked for first. */
class Patterns {
  readonly #masks: ReadonlyMap<string, string>;
  readonly #forms: readonly string[];
  readonly #pattern: RegExp;

  constructor(masks: ReadonlyMap<string, string>) {
    this.#masks = masks;
    this.#forms = [...masks.keys()].toSorted((a, b) => b.length - a.length);
    this.#pattern = new RegExp(this.#forms.map(escaped).join("|"), "g");
  }

  redact(text: string): string {
    return text.replaceAll(this.#pattern, (form) => this.#masks.get(form) ?? "[redacted]");
  }

  /** How much of a text, from its beginning, can be told without knowing what follows. */
  settled(text: string): number {
    let from = 0;
    for (const match of text.matchAll(this.#pattern)) {
      const open = this.#firstOpen(text, from, match.index + 1);
      if (open !== undefined) return open;
      from = match.index + match[0].length;
    }
    return this.#firstOpen(text, from, text.length) ?? text.length;
  }

  /** The first place, from `from` and before `to`, from which the text may go on to be a secret. */
  #firstOpen(text: string, from: number, to: number): number | undefined {
    const longest = this.#forms[0]?.length ?? 0;
    for (let i = Math.max(from, text.length - longest + 1); i < to; i++) if (this.#mayGoOn(text, i)) return i;
    return undefined;
  }

  /** The text from here to its end is the beginning of something longer. */
  #mayGoOn(text: string, from: number): boolean {
    const tail = text.slice(from);
    return this.#forms.some((form) => form.length > tail.length && form.startsWith(tail));
  }
}

function redactData<T>(data: T, text: (text: string) => string): T {
  if (typeof data === "string") return text(data) as T;
  if (typeof data !== "object" || data === null) return data;
  if (Array.isArray(data)) {
    const items: unknown[] = data.map((item: unknown) => redactData(item, text));
    return items.every((item, i) => item === data[i]) ? data : (items as T);
  }
  if (ArrayBuffer.isView(data)) return data;
  let changed = false;
  const fields: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(data)) {
    const [cleanKey, clean] = [text(key), redactData(field as unknown, text)];
    changed ||= cleanKey !== key || clean !== field;
    fields[cleanKey] = clean;
  }
  return changed ? (fields as T) : data;
}

/** Kinds of parts may take turns within one stream, so each has its own rest. */
class Deltas implements DeltaRedactor {
  readonly #patterns: Patterns;
  readonly #held = new Map<string, ModelDelta>();

  constructor(patterns: Patterns) {
    this.#patterns = patterns;
  }

  push(delta: ModelDelta): readonly ModelDelta[] {
    const kind = delta.type === "tool-input.delta" ? `${delta.type} ${delta.toolName}` : delta.type;
    const text = `${this.#held.get(kind)?.text ?? ""}${delta.text}`;
    const settled = this.#patterns.settled(text);
    if (settled === text.length) this.#held.delete(kind);
    else this.#held.set(kind, { ...delta, text: text.slice(settled) });
    return settled === 0 ? [] : [{ ...delta, text: this.#patterns.redact(text.slice(0, settled)) }];
  }

  end(): readonly ModelDelta[] {
    const rest = [...this.#held.values()].map((delta) => ({ ...delta, text: this.#patterns.redact(delta.text) }));
    this.#held.clear();
    return rest;
  }
}
