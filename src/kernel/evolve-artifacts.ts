/** How artifacts change a run. */
import type { Artifact } from "../ports/artifact.ts";
import type { ArtifactAdded } from "../ports/events.ts";
import type { Draft } from "./state.ts";

export const NO_ARTIFACTS: readonly Artifact[] = [];

/** The same name again takes the earlier one's place, so that a tool or a source that adds it twice adds it once. */
export function artifactAdded(next: Draft, { name, mediaType, data }: ArtifactAdded): void {
  const added = { name, mediaType, data };
  const known = next.artifacts.some((artifact) => artifact.name === name);
  next.artifacts = known
    ? next.artifacts.map((artifact) => (artifact.name === name ? added : artifact))
    : [...next.artifacts, added];
}
