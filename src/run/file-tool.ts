/** Reads the files of a run in pieces. */
import { FILE_TOOL, LONGEST_PIECE, USUAL_PIECE } from "../kernel/file-tool.ts";
import { nearest } from "../kernel/errors.ts";
import type { JsonValue } from "../ports/json.ts";
import type { Tool, ToolInputCheck } from "../ports/tools.ts";
import { decodeText, isTextType } from "./media-type.ts";
import type { Session } from "./session.ts";

interface Piece {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

/** The agent's own tool of that name, or the one for files where the run has any. */
export function toolNamed(session: Session, name: string): Tool | undefined {
  const own = session.tools.get(name);
  if (own !== undefined || name !== FILE_TOOL.name || session.state.files.length === 0) return own;
  const { description, inputSchema, effect, onUnknown } = FILE_TOOL;
  return {
    name,
    description,
    inputSchema,
    effect,
    onUnknown,
    visibility: "private",
    validate,
    execute: (input) => read(session, input as Piece),
  };
}

/** By hand: a validator is loaded for the schemas of people, and this one is ours. */
function validate(input: JsonValue): ToolInputCheck {
  if (typeof input !== "object" || input === null || !("file" in input) || typeof input["file"] !== "string") {
    return { ok: false, problem: "`file` must be the id or the name of a file." };
  }
  const {
    file,
    offset = 0,
    length = USUAL_PIECE,
  } = input as { readonly file: string; readonly offset?: JsonValue; readonly length?: JsonValue };
  if (!isCount(offset) || !isCount(length) || length === 0)
    return { ok: false, problem: "`offset` and `length` must be whole numbers." };
  return { ok: true, value: { file, offset, length: Math.min(length, LONGEST_PIECE) } };
}

function isCount(value: JsonValue): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}

/** Only files of this run and its thread: what they were given, what they were told in part, what this one left behind. */
async function read({ state, ports }: Session, { file, offset, length }: Piece): Promise<string> {
  const files = [...state.files, ...state.artifacts.map((artifact) => ({ id: artifact.name, ...artifact }))];
  const found = files.find(({ id }) => id === file) ?? files.findLast(({ name }) => name === file);
  if (found === undefined) throw new Error(noSuchFile(file, files));
  const { id, name, mediaType, data } = found;
  const title = id === name ? name : `${name} (${id})`;
  const text = isTextType(mediaType) ? decodeText(await ports.blobs.get(data.hash)) : undefined;
  if (text === undefined) return `${title} is ${mediaType}, ${data.bytes} bytes. It is no text and cannot be read here.`;
  if (offset >= text.length) return `${title} has ${text.length} characters: there is nothing from ${offset} on.`;
  const end = wholeCharacters(text, Math.min(text.length, offset + length));
  const rest = end < text.length ? `\n[${text.length - end} characters left: go on with offset ${end}]` : "";
  return `${title}, characters ${offset} to ${end} of ${text.length}:\n${text.slice(offset, end)}${rest}`;
}

/** Never between the two halves of a character. */
function wholeCharacters(text: string, end: number): number {
  const isHalf = end < text.length && /[\uD800-\uDBFF]/.test(text.charAt(end - 1));
  return isHalf ? end + 1 : end;
}

function noSuchFile(file: string, files: readonly { readonly id: string; readonly name: string }[]): string {
  const near = nearest(
    file,
    files.flatMap(({ id, name }) => [id, name]),
  );
  const all = files.map(({ id, name }) => (id === name ? id : `${id} (${name})`)).join(", ");
  return `This run has no file ${file}.${near === undefined ? "" : ` Did you mean ${near}?`} Its files: ${all}.`;
}
