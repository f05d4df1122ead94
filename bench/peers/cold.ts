/** Whole processes that import what a program imports, interleaved with one that imports nothing. */
import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";
import { median } from "../measure.ts";
import { IMPORTS, peerFolder, type PeerName, QUIET } from "./cells.ts";

const dist = resolve(import.meta.dirname, "../../dist");

export interface ColdStart {
  readonly name: string;
  /** Over a process that imports nothing, ms. */
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly rssMb: number;
}

interface Started {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly rssMb: number;
}

function start(modules: readonly string[], cwd: string): Started {
  const imports = modules.map((name) => `await import(${JSON.stringify(name)});`).join("");
  const code = `${imports} const { user, system } = process.cpuUsage(); console.log(JSON.stringify({ cpuMs: (user + system) / 1e3, rssMb: process.memoryUsage.rss() / 2 ** 20 }));`;
  const from = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--no-warnings", "--input-type=module", "-e", code], {
    cwd,
    encoding: "utf8",
    env: { ...process.env, ...QUIET },
  });
  const wallMs = performance.now() - from;
  if (status !== 0) throw new Error(`import of ${modules.join(", ")}: ${stderr}`);
  return { wallMs, ...(JSON.parse(stdout) as { readonly cpuMs: number; readonly rssMb: number }) };
}

export function coldStarts({
  peers,
  rounds,
}: {
  readonly peers: readonly PeerName[];
  readonly rounds: number;
}): readonly ColdStart[] {
  const own = [
    { name: "executus", modules: [join(dist, "index.js")], cwd: dist },
    { name: "executus, executus/sqlite", modules: [join(dist, "index.js"), join(dist, "sqlite.js")], cwd: dist },
  ];
  const cases = [
    ...own,
    ...peers.map((peer) => ({ name: IMPORTS[peer].join(", "), modules: IMPORTS[peer], cwd: peerFolder(peer) })),
  ];
  const taken = cases.map((): Started[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, { modules, cwd }] of cases.entries()) {
      const nothing = start([], cwd);
      const { wallMs, cpuMs, rssMb } = start(modules, cwd);
      taken[i]?.push({ wallMs: wallMs - nothing.wallMs, cpuMs: cpuMs - nothing.cpuMs, rssMb });
    }
  }
  return cases.map(({ name }, i) => {
    const of = (figure: keyof Started): number => median((taken[i] ?? []).map((one) => one[figure]));
    return { name, wallMs: of("wallMs"), cpuMs: of("cpuMs"), rssMb: of("rssMb") };
  });
}
