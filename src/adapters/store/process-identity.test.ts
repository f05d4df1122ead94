import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { isGone, ownIdentity } from "./process-identity.ts";

const self = ownIdentity();

describe("a process", () => {
  it("is not gone while it lives, and is once it has ended", async () => {
    const child = spawn(process.execPath, ["-e", "process.stdin.resume()"], { stdio: ["pipe", "ignore", "ignore"] });
    const other = { ...self, pid: child.pid ?? 0, started: "" };
    expect(isGone(self, self)).toBe(false);
    expect(isGone(other, self)).toBe(false);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(isGone(other, self)).toBe(process.platform === "linux");
  });

  it.skipIf(process.platform !== "linux")("is gone when its id belongs to a younger process (needs Linux)", () => {
    expect(self.started).toMatch(/^\d+$/);
    expect(isGone({ ...self, started: "1" }, self)).toBe(true);
  });

  it("is not known to be gone from another host, another boot or where the system does not tell", () => {
    const nobody = { ...self, pid: 2 ** 22 + 1, started: "1" };
    expect(isGone({ ...nobody, host: "elsewhere" }, self)).toBe(false);
    expect(isGone({ ...nobody, boot: "before" }, self)).toBe(false);
    expect(isGone({ ...nobody, boot: "" }, { ...self, boot: "" })).toBe(false);
  });

  it.skipIf(process.platform !== "linux")("knows its start of the host and its namespace of process ids (needs Linux)", () => {
    expect(self.boot).toContain(readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
    expect(self.boot).toMatch(/pid:\[\d+\]/);
  });
});
