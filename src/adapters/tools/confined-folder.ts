/**
 * A folder that paths from a model cannot leave: neither by `..` nor by an absolute path nor through a symbolic link. Its
 * subfolder `.executus` (journals, ledgers) and every `.git` (hooks are code, and its config may hold keys) are out of bounds
 * too. Errors are written for the model: they name its own path and none of this machine, unless the folder itself is missing.
 */
import { lstat, mkdir, open, readdir, realpath } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve, sep, win32 } from "node:path";
import { nearest } from "../../kernel/errors.ts";
import { NotThatFile } from "./open-inside.ts";

/** Ours, not the model's. */
export const RESERVED_FOLDER = ".executus";

export interface ConfinedFolder {
  /** Real path of the folder itself. */
  readonly root: string;
  /** Real path of something that is there. */
  existing(path: string): Promise<string>;
  /** Real path of a file to write, there or not; its folder is made. */
  writable(path: string): Promise<string>;
  /** A real path as the model knows it. */
  nameOf(real: string): string;
}

export async function confinedFolder(folder: string): Promise<ConfinedFolder> {
  const root = await realpath(folder).catch(() =>
    Promise.reject(new Error(`the folder of the file tools is not there: ${folder}`)),
  );
  const nameOf = (real: string): string => relative(root, real).split(sep).join("/");
  const confine = (path: string, real: string): string => {
    const name = nameOf(real);
    if (name === ".." || name.startsWith("../") || isAbsolute(name)) throw new Error(`${path}: it leads out of the folder`);
    const folders = name.split("/").map(asOnAnyDisk);
    const ours = folders[0] === RESERVED_FOLDER ? RESERVED_FOLDER : folders.find((folder) => folder === ".git");
    if (ours !== undefined) throw new Error(`${path}: ${ours} is not for tools`);
    return real;
  };
  return {
    root,
    nameOf,
    existing: async (path) => {
      const wanted = join(root, checkPath(path));
      const real = await realpath(wanted).catch(async (error: unknown) => {
        const folder = await realpath(dirname(wanted)).catch(() => undefined);
        // Names outside are not for the model either.
        const beside = folder === undefined ? [] : await readdir(confine(path, folder)).catch(() => []);
        return fileProblem(path, error, beside);
      });
      return confine(path, real);
    },
    writable: async (path) => {
      const wanted = confine(path, join(root, checkPath(path)));
      if (wanted === root || /[\\/]$/.test(path)) throw new Error(`${path}: is a folder; give the path of a file`);
      // Before anything is made: the part of the path that is there must not lead out.
      confine(path, await realpathOfNearest(path, dirname(wanted)));
      checkNoConfiguration(path, nameOf(wanted));
      await mkdir(dirname(wanted), { recursive: true }).catch((error: unknown) => fileProblem(path, error));
      const real = join(await realpath(dirname(wanted)), basename(wanted));
      const file = confine(path, await throughLink(path, real));
      checkNoConfiguration(path, nameOf(file));
      return file;
    },
  };
}

/** What decides which programs, agents and skills later runs have. A model reads it, and a person writes it. */
const CONFIGURATION = [".mcp.json", ".agents", ".claude", ".opencode"];

function checkNoConfiguration(path: string, name: string): void {
  const found = name.split("/").find((part) => CONFIGURATION.includes(asOnAnyDisk(part)));
  if (found !== undefined) throw new Error(`${path}: ${found} configures agents; a person has to write it`);
}

/**
 * Disks differ in which names are the same to them: upper and lower case, compatible letters, letters that are not seen, what
 * follows a colon, dots and spaces at the end, and the short names of Windows.
 */
function asOnAnyDisk(name: string): string {
  const visible = name
    .normalize("NFKC")
    .replaceAll(/\p{Cf}/gu, "")
    .toLowerCase();
  const plain = visible.replace(/:.*$/s, "").replace(/[. ]+$/, "");
  return /^git~\d+$/.test(plain) ? ".git" : /^execut~\d+$/.test(plain) ? RESERVED_FOLDER : plain;
}

function checkPath(path: string): string {
  if (path.includes("\0")) throw new Error("a path cannot contain a NUL character");
  if (isAbsolute(path) || win32.isAbsolute(path)) throw new Error(`${path}: give a path relative to the folder`);
  if (path.split(/[\\/]/).includes("..")) throw new Error(`${path}: \`..\` is not allowed; give a path inside the folder`);
  return path;
}

async function realpathOfNearest(path: string, folder: string): Promise<string> {
  try {
    return await realpath(folder);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") return fileProblem(path, error);
    // A link to nothing is there, and would be followed by `mkdir`.
    if ((await lstat(folder).catch(() => undefined)) !== undefined)
      throw new Error(`${path}: it leads through a broken link`, { cause: error });
    return realpathOfNearest(path, dirname(folder));
  }
}

/** Where a link leads, when the file is one; writing replaces the file, not the link. */
async function throughLink(path: string, real: string): Promise<string> {
  const stats = await lstat(real).catch((error: unknown) => (codeOf(error) === "ENOENT" ? undefined : fileProblem(path, error)));
  if (stats === undefined) return real;
  if (stats.isDirectory()) throw new Error(`${path}: is a folder; give the path of a file`);
  if (!stats.isSymbolicLink()) return real;
  return realpath(real).catch(() => Promise.reject(new Error(`${path}: it is a broken link`)));
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EEXIST: "a part of the path is a file, not a folder",
  EISDIR: "is a folder; give the path of a file",
  ELOOP: "it is a link to itself",
  ENAMETOOLONG: "the name is too long",
  ENOSPC: "the disk is full",
  ENOTDIR: "a part of the path is a file, not a folder",
  EPERM: "permission denied",
  EROFS: "the disk is read-only",
};

/** Rejects with what the model should know about a failed file operation. `beside`: the names it may have meant. */
export async function fileProblem(path: string, error: unknown, beside: readonly string[] = []): Promise<never> {
  if (error instanceof NotThatFile) throw new Error(`${path}: ${error.message}`, { cause: error });
  const code = codeOf(error);
  if (code === undefined) throw error;
  if (code !== "ENOENT") throw new Error(`${path}: ${REASONS[code] ?? code}`, { cause: error });
  if (beside.includes(basename(path))) throw new Error(`${path}: it is a broken link`, { cause: error });
  const near = nearest(basename(path), beside);
  const folder = dirname(path) === "." ? "" : `${dirname(path)}/`;
  const hint = near === undefined ? "list_files shows what there is" : `did you mean ${folder}${near}?`;
  throw new Error(`${path}: is not there; ${hint}`, { cause: error });
}

/** Code of an error of the operating system, `ENOENT` and the like. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("errno" in error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** A new name in a folder survives a power cut only once the folder is flushed. Windows neither needs nor allows it. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  await using handle = await open(resolve(folder), "r");
  await handle.sync();
}
