/** Which blobs a record's text refers to. */

const REFERENCE = '"blob"';

/** Hashes of blob references (`{"type":"blob","hash":...}`), wherever they are. */
export function blobsIn(text: string): readonly string[] {
  if (!text.includes(REFERENCE)) return [];
  const found: string[] = [];
  JSON.parse(text, (_key, value: unknown) => {
    if (isReference(value)) found.push(value.hash);
    return value;
  });
  return found;
}

/**
 * Everything that could be the hash of a blob: what a collection keeps. A text that looks like one costs a file that stays; a
 * reference in a form that this version does not know must not cost the file it refers to.
 */
export function possibleBlobsIn(text: string): readonly string[] {
  return text.match(/(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/g) ?? [];
}

function isReference(value: unknown): value is { readonly hash: string } {
  if (typeof value !== "object" || value === null) return false;
  return "type" in value && value.type === "blob" && "hash" in value && typeof value.hash === "string";
}
