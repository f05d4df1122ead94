/** Which process this is, and whether another one of this host is still there. */
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

export interface ProcessIdentity {
  readonly host: string;
  /** Which start of the host and which namespace of process ids; empty where the system does not say. */
  readonly boot: string;
  readonly pid: number;
  /** When the process began, in the system's own terms; empty where the system does not say. */
  readonly started: string;
}

export function ownIdentity(): ProcessIdentity {
  return identityOf(process.pid);
}

/** Of another process of this host and namespace. */
export function identityOf(pid: number): ProcessIdentity {
  const bootId = read("/proc/sys/kernel/random/boot_id").trim();
  const boot = bootId === "" ? "" : `${bootId} ${pidNamespace()}`;
  return { host: hostname(), boot, pid, started: readStat(pid).started };
}

/**
 * True when the process is certainly gone: same host, same boot, and its id is free or belongs to a younger process. Anything
 * that cannot be told from here is false.
 */
export function isGone(other: ProcessIdentity, self: ProcessIdentity): boolean {
  if (other.host !== self.host || other.boot === "" || other.boot !== self.boot) return false;
  if (!exists(other.pid)) return true;
  const { state, started } = readStat(other.pid);
  if (state === "Z" || state === "X") return true;
  return started !== "" && other.started !== "" && started !== other.started;
}

/** True when it is certainly that very process which runs here. Anything that cannot be told from here is false. */
export function isHere(other: ProcessIdentity): boolean {
  const now = identityOf(other.pid);
  const isSame = now.host === other.host && now.boot === other.boot && now.started === other.started;
  return isSame && other.boot !== "" && other.started !== "" && !isGone(other, now);
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}

/** Fields 3 and 22 of `/proc/PID/stat`; the name before them may hold anything, parentheses and spaces included. */
function readStat(pid: number): { readonly state: string; readonly started: string } {
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "", started: fields[19] ?? "" };
}

/** Two containers of one host may share its name and boot, but not each other's process ids. */
function pidNamespace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
