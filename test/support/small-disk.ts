import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** Whether this process may mount: root, outside of a container that forbids it. */
export const canMount: boolean = process.getuid?.() === 0 && mountWorks();

function mountWorks(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "executus-mount-"));
  const worked = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]).status === 0;
  if (worked) execFileSync("umount", [folder]);
  rmSync(folder, { recursive: true });
  return worked;
}

/** A folder on a disk of its own, which goes when the test ends. */
export function mountSmallDisk(size: string): string {
  const folder = mkdtempSync(join(tmpdir(), "executus-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder]);
  onTestFinished(() => {
    execFileSync("umount", ["-l", folder]);
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}
