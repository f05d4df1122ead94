/** Puts every peer, at the versions of its package.json, into a folder of its own; and executus as packed, to weigh it. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { peerFolder, PEERS, pinned } from "./cells.ts";

const root = resolve(import.meta.dirname, "../..");
const NPM = ["install", "--omit=dev", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--prefer-offline"];

export interface Weight {
  readonly packages: number;
  readonly bytes: number;
}

/** Installs what is missing or has another version than pinned. */
export function installPeers(): void {
  for (const peer of PEERS) {
    if (isInstalled(peer)) continue;
    console.log(`installing ${peer}`);
    execFileSync("npm", NPM, { cwd: peerFolder(peer), stdio: ["ignore", "ignore", "inherit"] });
  }
}

export function isInstalled(peer: string): boolean {
  return Object.entries(pinned(peer)).every(([name, version]) => versionOf(peerFolder(peer), name) === version);
}

function versionOf(folder: string, name: string): string | undefined {
  const file = join(folder, "node_modules", name, "package.json");
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as { readonly version: string }).version : undefined;
}

/** executus as somebody gets it: packed, then installed beside nothing. */
export function installExecutus(folder: string): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  const packed = execFileSync("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: root, encoding: "utf8" });
  execFileSync("npm", [...NPM, join(folder, packed.trim())], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  rmSync(join(folder, packed.trim()));
  return folder;
}

/** What is in the node_modules of a folder. */
export function weigh(folder: string): Weight {
  const modules = join(folder, "node_modules");
  let bytes = 0;
  for (const entry of readdirSync(modules, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size;
  const lock = JSON.parse(readFileSync(join(modules, ".package-lock.json"), "utf8")) as { readonly packages: object };
  const packages = Object.keys(lock.packages).filter((path) => existsSync(join(folder, path)));
  return { packages: packages.length, bytes };
}
