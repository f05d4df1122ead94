/** Files of a request: read, checked and stored while it is admitted, before the run exists. */
import { ExecutusError } from "../kernel/errors.ts";
import type { AttachmentInput, AttachmentLimits, FileContent, Files, RunFile } from "../ports/files.ts";
import type { BlobReference, FilePart, UserPart } from "../ports/messages.ts";
import { agreedType, mediaTypeOf } from "./media-type.ts";
import { type BytesPorts, putClean } from "./store-bytes.ts";

export interface Staged {
  /** What the first turn says of them: the list of files, then images. */
  readonly parts: readonly UserPart[];
  readonly files: readonly RunFile[];
}

interface StagingPorts extends BytesPorts {
  readonly files?: Files;
  /** Of the thread: its conversation names them, so their ids stay theirs. */
  readonly filesBefore?: readonly RunFile[] | undefined;
}

const DEFAULTS = { maxBytes: 25 * 1024 * 1024, totalBytes: 100 * 1024 * 1024, most: 20 };

/** Images that models take as they are, if they are no longer than this; others are listed with the files. */
const INLINE = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);
const LONGEST_INLINE = 5 * 1024 * 1024;

/** Rejects with ExecutusError `attachment_too_large`, `attachment_type`, `attachment_unreadable`, and what the port rejects with. */
export async function stageAttachments(
  attachments: readonly AttachmentInput[],
  limits: AttachmentLimits,
  ports: StagingPorts,
): Promise<Staged> {
  const { maxBytes, totalBytes, most } = { ...DEFAULTS, ...limits };
  if (attachments.length > most) {
    throw new ExecutusError("attachment_too_large", `${attachments.length} files are attached; ${most} is the most`);
  }
  const images: FilePart[] = [];
  const files: RunFile[] = [];
  const attached = (ports.filesBefore ?? []).filter(({ id }) => id.startsWith("file-")).length;
  let total = 0;
  for (const [index, attachment] of attachments.entries()) {
    const { bytes, name } = await contentOf(attachment, { index, maxBytes, ports });
    total += bytes.length;
    if (bytes.length > maxBytes) throw tooLarge(name, bytes.length, maxBytes);
    if (total > totalBytes) throw tooLarge("the attached files together", total, totalBytes);
    const mediaType = checkedType(attachment, { bytes, name }, limits.types);
    const data = await putClean(ports, bytes);
    if (INLINE.has(mediaType) && bytes.length <= LONGEST_INLINE) images.push({ type: "file", mediaType, filename: name, data });
    else files.push({ id: `file-${attached + files.length + 1}`, name, mediaType, data });
  }
  return { parts: [...listOf(files), ...images], files };
}

async function contentOf(
  attachment: AttachmentInput,
  given: { readonly index: number; readonly maxBytes: number; readonly ports: StagingPorts },
): Promise<FileContent> {
  const { index, maxBytes, ports } = given;
  const named = (content: FileContent): FileContent => ({ ...content, name: safeName(attachment.name ?? content.name, index) });
  if ("bytes" in attachment) return named({ bytes: attachment.bytes, name: "" });
  if ("text" in attachment) return named({ bytes: new TextEncoder().encode(attachment.text), name: "" });
  if (ports.files !== undefined) return named(await ports.files.read(attachment, { maxBytes }));
  const place = "path" in attachment ? attachment.path : attachment.url;
  throw new ExecutusError("not_supported", `${place} cannot be attached: this executor reads no files`, {
    hint: "Give the bytes, or give the executor a `files` port.",
  });
}

/** A name is shown to a model and to people, and is part of no path. */
function safeName(name: string, index: number): string {
  const last = name.split(/[/\\]/).at(-1) ?? "";
  const shown = last
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "")
    .trim()
    .slice(0, 120);
  return shown === "" || /^\.+$/.test(shown) ? `attachment-${index + 1}` : shown;
}

function checkedType(attachment: AttachmentInput, { bytes, name }: FileContent, types: readonly string[] | undefined): string {
  const proven = mediaTypeOf(bytes, name);
  const { mediaType: claimed } = attachment;
  const type = claimed === undefined ? proven : agreedType(proven, claimed);
  if (type === undefined) {
    throw new ExecutusError("attachment_type", `${name} is said to be ${String(claimed)}, but its bytes are ${proven}`, {
      hint: "Leave the media type out, or correct it.",
    });
  }
  if (types === undefined || types.some((allowed) => fits(type, allowed))) return type;
  throw new ExecutusError("attachment_type", `${name} is ${type}, which is not taken here`, {
    hint: `Taken are ${types.join(", ")}.`,
  });
}

function fits(type: string, allowed: string): boolean {
  return allowed === type || allowed === "*/*" || (allowed.endsWith("/*") && type.startsWith(allowed.slice(0, -1)));
}

function tooLarge(what: string, bytes: number, most: number): ExecutusError {
  return new ExecutusError("attachment_too_large", `${what}: ${bytes} bytes, and ${most} is the most`, {
    hint: "Attach less, or raise `attachments.maxBytes` and `attachments.totalBytes`.",
  });
}

export function listOf(files: readonly RunFile[]): readonly UserPart[] {
  if (files.length === 0) return [];
  const lines = files.map(({ id, name, mediaType, data }) => `- ${id}: ${name} (${mediaType}, ${data.bytes} bytes)`);
  return [{ type: "text", text: `[ATTACHED FILES]\n${lines.join("\n")}\nRead them with read_attachment, by id.` }];
}

/** Images for the running conversation; anything else is refused. */
export async function toImageParts(
  images: readonly { readonly bytes: Uint8Array; readonly mediaType?: string; readonly filename?: string }[],
  ports: BytesPorts,
): Promise<readonly FilePart[]> {
  const parts: FilePart[] = [];
  for (const { bytes, filename } of images) {
    const mediaType = mediaTypeOf(bytes);
    if (!INLINE.has(mediaType))
      throw new ExecutusError("attachment_type", `${filename ?? "an image"} is ${mediaType}, and no image that models take`);
    const data: BlobReference = await putClean(ports, bytes);
    parts.push({ type: "file", mediaType, ...(filename === undefined ? {} : { filename }), data });
  }
  return parts;
}
