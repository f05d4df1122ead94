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
  const inParts = (parts: readonly unknown[]): readonly unknown[] => redactParts(parts, patterns);
  return { text, data: (data) => redactData(data, { text, inParts }), deltas: () => new Deltas(patterns) };
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

  matches(text: string): Iterable<RegExpExecArray> {
    return text.matchAll(this.#pattern);
  }

  maskOf(form: string): string {
    return this.#masks.get(form) ?? "[redacted]";
  }

  redact(text: string): string {
    return text.replaceAll(this.#pattern, (form) => this.maskOf(form));
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

interface Removal {
  readonly text: (text: string) => string;
  readonly inParts: (parts: readonly unknown[]) => readonly unknown[];
}

function redactData<T>(data: T, removal: Removal): T {
  const { text, inParts } = removal;
  if (typeof data === "string") return text(data) as T;
  if (typeof data !== "object" || data === null) return data;
  if (Array.isArray(data)) {
    const items: unknown[] = inParts(data).map((item) => redactData(item, removal));
    return items.every((item, i) => item === data[i]) ? data : (items as T);
  }
  if (ArrayBuffer.isView(data)) return data;
  let changed = false;
  const fields: (readonly [string, unknown])[] = [];
  for (const [key, field] of Object.entries(data)) {
    const [cleanKey, clean] = [text(key), redactData(field as unknown, removal)];
    changed ||= cleanKey !== key || clean !== field;
    fields.push([cleanKey, clean]);
  }
  return changed ? (Object.fromEntries(fields) as T) : data;
}

const PARTS: readonly unknown[] = ["text", "reasoning"];

interface Part {
  readonly type: string;
  readonly text: string;
}

function isPart(value: unknown): value is Part {
  if (typeof value !== "object" || value === null || !("type" in value) || !("text" in value)) return false;
  return PARTS.includes(value.type) && typeof value.text === "string";
}

/** Whoever reads a message reads its texts one after the other, so a secret may begin in one part and end in another. */
function redactParts(items: readonly unknown[], patterns: Patterns): readonly unknown[] {
  let clean = items;
  for (const type of new Set(items.filter(isPart).map((part) => part.type))) {
    const texts = clean.flatMap((item, at) => (isPart(item) && item.type === type ? [{ at, text: item.text }] : []));
    if (texts.length < 2) continue;
    const rest = redactJoined(
      texts.map(({ text }) => text),
      patterns,
    );
    const changed = new Map(texts.map(({ at }, i) => [at, rest[i] ?? ""]));
    clean = clean.map((item, at) => (isPart(item) && changed.has(at) ? withText(item, changed.get(at) ?? "") : item));
  }
  return clean;
}

function withText(part: Part, text: string): Part {
  return part.text === text ? part : { ...part, text };
}

/** What is put in the place of a secret goes where the secret began. */
function redactJoined(texts: readonly string[], patterns: Patterns): readonly string[] {
  const whole = texts.join("");
  const clean = texts.map(() => "");
  let from = 0;
  const keep = (to: number): void => {
    let start = 0;
    for (const [i, text] of texts.entries()) {
      clean[i] += whole.slice(Math.max(from, start), Math.max(from, Math.min(to, start + text.length)));
      start += text.length;
    }
  };
  for (const match of patterns.matches(whole)) {
    keep(match.index);
    clean[partAt(texts, match.index)] += patterns.maskOf(match[0]);
    from = match.index + match[0].length;
  }
  keep(whole.length);
  return clean;
}

function partAt(texts: readonly string[], index: number): number {
  let end = 0;
  return texts.findIndex((text) => index < (end += text.length));
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
