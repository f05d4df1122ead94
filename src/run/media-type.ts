/** What a file is, read from its bytes. Names and claims prove nothing. */

interface Signature {
  readonly type: string;
  /** Bytes at an offset, as text of one character per byte. */
  readonly at: number;
  readonly bytes: string;
  readonly and?: { readonly at: number; readonly bytes: string };
}

const SIGNATURES: readonly Signature[] = [
  { type: "image/png", at: 0, bytes: "\x89PNG\r\n\x1a\n" },
  { type: "image/jpeg", at: 0, bytes: "\xff\xd8\xff" },
  { type: "image/gif", at: 0, bytes: "GIF87a" },
  { type: "image/gif", at: 0, bytes: "GIF89a" },
  { type: "image/webp", at: 0, bytes: "RIFF", and: { at: 8, bytes: "WEBP" } },
  { type: "image/avif", at: 4, bytes: "ftypavif" },
  { type: "image/heic", at: 4, bytes: "ftyphei" },
  { type: "image/tiff", at: 0, bytes: "II*\0" },
  { type: "image/tiff", at: 0, bytes: "MM\0*" },
  { type: "image/bmp", at: 0, bytes: "BM", and: { at: 6, bytes: "\0\0\0\0" } },
  { type: "application/pdf", at: 0, bytes: "%PDF-" },
  { type: "application/gzip", at: 0, bytes: "\x1f\x8b" },
  { type: "application/vnd.sqlite3", at: 0, bytes: "SQLite format 3\0" },
  { type: "audio/wav", at: 0, bytes: "RIFF", and: { at: 8, bytes: "WAVE" } },
  { type: "audio/mpeg", at: 0, bytes: "ID3" },
  { type: "audio/mpeg", at: 0, bytes: "\xff\xfb" },
  { type: "audio/flac", at: 0, bytes: "fLaC" },
  { type: "audio/ogg", at: 0, bytes: "OggS" },
  { type: "video/mp4", at: 4, bytes: "ftyp" },
  { type: "video/webm", at: 0, bytes: "\x1a\x45\xdf\xa3" },
];

const ZIP = "PK\x03\x04";
/** What office programs put first into their archives. */
const OFFICE: readonly (readonly [folder: string, type: string])[] = [
  ["word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"],
  ["xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"],
  ["ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"],
];

/** Texts have no signature: their name says which kind of text they are. */
const TEXT_TYPES: Readonly<Record<string, string>> = {
  csv: "text/csv",
  html: "text/html",
  json: "application/json",
  md: "text/markdown",
  svg: "image/svg+xml",
  xml: "application/xml",
  yaml: "application/yaml",
  yml: "application/yaml",
};

const UNKNOWN = "application/octet-stream";

/** The media type of a file; `application/octet-stream` where the bytes say nothing. */
export function mediaTypeOf(bytes: Uint8Array, name = ""): string {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 4_096)).toString("latin1");
  const found = SIGNATURES.find(
    ({ at, bytes: text, and }) => has(head, at, text) && (and === undefined || has(head, and.at, and.bytes)),
  );
  if (found !== undefined) return found.type;
  if (head.startsWith(ZIP)) return OFFICE.find(([folder]) => head.includes(folder))?.[1] ?? "application/zip";
  if (decodeText(bytes) === undefined) return UNKNOWN;
  return TEXT_TYPES[name.slice(name.lastIndexOf(".") + 1).toLowerCase()] ?? "text/plain";
}

function has(head: string, at: number, text: string): boolean {
  return head.startsWith(text, at);
}

/** What a caller says of a file, if the bytes do not contradict; undefined if they do. */
export function agreedType(proven: string, claimed: string): string | undefined {
  const claim = claimed.split(";")[0]?.trim().toLowerCase() ?? "";
  if (claim === proven || claim === UNKNOWN) return proven;
  if (isTextType(proven)) return isTextType(claim) ? claim : undefined;
  return isRefinement(proven, claim) ? claim : undefined;
}

/** Within one kind, or of an archive, a caller may know better: many formats have no signature of their own. */
function isRefinement(proven: string, claim: string): boolean {
  if (proven === UNKNOWN || isTextType(claim) || SIGNATURES.some(({ type }) => type === claim)) return false;
  return proven.split("/")[0] === claim.split("/")[0];
}

/** Kinds of text: read as UTF-8. */
export function isTextType(type: string): boolean {
  return /^text\/|^image\/svg\+xml$|^application\/(.+\+)?(json|xml|yaml|javascript|typescript|toml|sql|x-ndjson|x-sh)$/.test(
    type,
  );
}

/** Undefined for what is no UTF-8, or has characters that no text has. */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return CONTROL.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

// oxlint-disable-next-line no-control-regex -- these are what is looked for
const CONTROL = /[\0-\x08\x0e-\x1a\x1c-\x1f]/;
