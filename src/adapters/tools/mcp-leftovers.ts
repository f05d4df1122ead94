/**
 * Servers that outlived the process they were started by. Most end when their standard input does; one that does not is ended by
 * whoever opens or cleans up the run's source next, on the same host, where the system says which process is which (Linux).
 */
import type { JsonValue } from "../../ports/json.ts";
import { identityOf, isHere, type ProcessIdentity } from "../store/process-identity.ts";

/** What another process needs to find the server again. */
export function descriptorOf(pid: number): JsonValue {
  return { server: { ...identityOf(pid) } };
}

/** Process ids are used again, so only that very process is ended. */
export function endLeftovers(left: readonly JsonValue[]): void {
  for (const identity of left.flatMap(readDescriptor)) if (isHere(identity)) end(identity.pid);
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It went by itself meanwhile.
  }
}

function readDescriptor(descriptor: JsonValue): readonly ProcessIdentity[] {
  if (typeof descriptor !== "object" || descriptor === null || !("server" in descriptor)) return [];
  const { server } = descriptor;
  return isIdentity(server) ? [server] : [];
}

function isIdentity(value: unknown): value is ProcessIdentity {
  if (typeof value !== "object" || value === null) return false;
  const { host, boot, pid, started } = value as Partial<Record<keyof ProcessIdentity, unknown>>;
  const isNamed = [host, boot, started].every((text) => typeof text === "string");
  return isNamed && typeof pid === "number" && Number.isInteger(pid) && pid > 1;
}
