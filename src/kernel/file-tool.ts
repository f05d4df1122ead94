/** The tool with which a run reads its files. It is there once there is something to read, and part of no agent. */
import type { RequestSnapshot, ToolSnapshot } from "../ports/agent.ts";
import type { RunFile } from "../ports/files.ts";
import type { ToolEnded } from "../ports/events.ts";
import type { Draft, RunState } from "./state.ts";

export const NO_FILES: readonly RunFile[] = [];

/** Longest piece, in characters: a result of its own must never be cut. */
export const LONGEST_PIECE = 60_000;
export const USUAL_PIECE = 16_000;

export const FILE_TOOL: ToolSnapshot = {
  name: "read_attachment",
  description:
    "Reads a file of this run: an attachment, or a result that was too long to be shown whole. Long files are read in pieces.",
  inputSchema: {
    type: "object",
    properties: {
      file: { type: "string", description: "Id or name of the file." },
      offset: { type: "integer", minimum: 0, description: "First character; default 0." },
      length: { type: "integer", minimum: 1, maximum: LONGEST_PIECE, description: `Characters; default ${USUAL_PIECE}.` },
    },
    required: ["file"],
    additionalProperties: false,
  },
  effect: "read",
  onUnknown: "report",
  reconcile: false,
};

const extended = new WeakMap<readonly ToolSnapshot[], readonly ToolSnapshot[]>();

/** What has tools; without files, those of the agent alone. */
export type ToolHolder = Pick<RunState, "agent"> & { readonly files?: RunState["files"] };

/** The tools of the next call: the agent's, and the one for files where there are any. The same array for the same agent. */
export function toolsOf({ agent: { tools }, files = NO_FILES }: ToolHolder): readonly ToolSnapshot[] {
  if (files.length === 0 || tools.some(({ name }) => name === FILE_TOOL.name)) return tools;
  const known = extended.get(tools) ?? [...tools, FILE_TOOL];
  extended.set(tools, known);
  return known;
}

/** What was too long for the conversation can be read from here on. */
export function keepSpilled(next: Draft, { call, spilled, spilledParts = [] }: ToolEnded): void {
  const { files: filesBefore } = next.request.continues ?? {};
  const found = [...(spilled === undefined ? [] : [spilled]), ...spilledParts];
  if (found.length === 0) return;
  const files = found.map((data, index) => {
    const id = spilledId(call, { index, filesBefore });
    return { id, name: id, mediaType: "text/plain", data };
  });
  next.files = [...next.files, ...files];
}

export interface SpilledPlace {
  /** Which of the parts of a result that is made of parts. */
  readonly index?: number | undefined;
  /** Files that the thread had before this run: a call of an earlier run of it may have the same number. */
  readonly filesBefore?: number | undefined;
}

/** The id under which a result of this call is read on. */
export function spilledId(call: string, { index = 0, filesBefore = 0 }: SpilledPlace = {}): string {
  const id = filesBefore === 0 ? `result-${call}` : `result-${filesBefore}.${call}`;
  return index === 0 ? id : `${id}-${index}`;
}

/** Those of the thread first. */
export function filesOf({ attachments = NO_FILES, continues }: RequestSnapshot, earlier: readonly RunFile[]): RunState["files"] {
  return continues?.files === undefined ? attachments : [...earlier.slice(0, continues.files), ...attachments];
}
