/** Bytes on their way into the blob store. */
import type { Blobs } from "../ports/blobs.ts";
import type { BlobReference } from "../ports/messages.ts";
import { decodeText } from "./media-type.ts";
import type { Redaction } from "./redaction.ts";

export interface BytesPorts {
  readonly blobs: Blobs;
  readonly redaction?: Redaction;
}

/** Texts without registered secrets; what is no text stays as it is. */
export async function putClean({ blobs, redaction }: BytesPorts, bytes: Uint8Array): Promise<BlobReference> {
  const clean = redaction?.current === undefined ? bytes : withoutSecrets(redaction, bytes);
  return { type: "blob", hash: await blobs.put(clean), bytes: clean.length };
}

function withoutSecrets(redaction: Redaction, bytes: Uint8Array): Uint8Array {
  const text = decodeText(bytes);
  const clean = text === undefined ? undefined : redaction.text(text);
  return clean === undefined || clean === text ? bytes : new TextEncoder().encode(clean);
}
