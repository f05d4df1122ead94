/** A file that a run leaves behind, stored before the event that names it. */
import { ExecutusError } from "../kernel/errors.ts";
import type { NewArtifact } from "../ports/artifact.ts";
import type { ArtifactAdded } from "../ports/events.ts";
import { type BytesPorts, putClean } from "./store-bytes.ts";

export async function toArtifact({ name, mediaType, content }: NewArtifact, ports: BytesPorts): Promise<ArtifactAdded> {
  if (name.trim() === "")
    throw new ExecutusError("request_invalid", "an artifact needs a name", { hint: "For example report.md." });
  const isText = typeof content === "string";
  const data = await putClean(ports, isText ? new TextEncoder().encode(content) : content);
  return { type: "artifact.added", name, mediaType: mediaType ?? (isText ? "text/plain" : "application/octet-stream"), data };
}
