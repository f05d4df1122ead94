/** Runs test files in a copy of the tree, and says which test failed first. */
import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";

/** The tree as it is now, changes that are not committed included, with this project's packages; gone when this process ends. */
export function copyTree(root: string): string {
  const place = mkdtempSync(join(tmpdir(), "executus-mutants-"));
  const copy = join(place, "tree");
  process.on("exit", () => rmSync(place, { recursive: true, force: true }));
  const listed = execFileSync("git", ["ls-files", "-z", "-co", "--exclude-standard"], { cwd: root, encoding: "utf8" });
  for (const file of listed.split("\0")) {
    if (file === "" || file === "node_modules" || !existsSync(join(root, file))) continue;
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    cpSync(join(root, file), join(copy, file), { dereference: true });
  }
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  const shared = join(root, "../shared");
  if (existsSync(shared)) symlinkSync(shared, join(place, "shared"));
  return copy;
}

export interface TestRun {
  readonly copy: string;
  /** Empty: all. */
  readonly files: readonly string[];
  readonly except?: readonly string[];
  readonly limitMs: number;
  /** Test files at once; left out: as many as the configuration says. */
  readonly workers?: number;
}

export type TestEnd =
  | { readonly type: "passed" }
  /** `by`: file and name of the first test that failed. */
  | { readonly type: "failed"; readonly by: string }
  /** Not one test ran: what is wrong is the syntax, not the behaviour. */
  | { readonly type: "broken"; readonly why: string };

export async function runTests(run: TestRun): Promise<TestEnd> {
  const report = join(run.copy, "../report.json");
  rmSync(report, { force: true });
  const args = [
    join(run.copy, "node_modules/vitest/vitest.mjs"),
    "run",
    ...run.files,
    ...(run.except ?? []).flatMap((file) => ["--exclude", file]),
    "--bail=1",
    "--reporter=json",
    `--outputFile=${report}`,
    `--fsModuleCachePath=${join(run.copy, "../cache")}`,
    ...(run.workers === undefined ? [] : [`--maxWorkers=${run.workers}`]),
  ];
  const code = await exitCode(args, run);
  if (code === 0) return { type: "passed" };
  if (code === "too long") return { type: "failed", by: `no end within ${run.limitMs / 1_000} s` };
  return existsSync(report)
    ? toEnd(JSON.parse(readFileSync(report, "utf8")) as Report, run.copy)
    : { type: "broken", why: `the tests ended with ${code} and without a report` };
}

const children = new Set<number>();

process.on("exit", () => {
  for (const pid of children) process.kill(-pid, "SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));

function exitCode(args: readonly string[], { copy, limitMs }: TestRun): Promise<number | string> {
  // A group of its own: what a test has started ends with it.
  const child = spawn(process.execPath, args, { cwd: copy, detached: true, stdio: "ignore" });
  const { pid } = child;
  if (pid !== undefined) children.add(pid);
  return new Promise((resolve, reject) => {
    let isTooLong = false;
    const timer = setTimeout(() => {
      isTooLong = true;
      if (pid !== undefined) process.kill(-pid, "SIGKILL");
    }, limitMs);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (pid !== undefined) children.delete(pid);
      resolve(isTooLong ? "too long" : (code ?? String(signal)));
    });
  });
}

interface Report {
  readonly numTotalTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

function toEnd({ numTotalTests, testResults }: Report, copy: string): TestEnd {
  for (const { name, assertionResults } of testResults) {
    const failed = assertionResults.find(({ status }) => status === "failed");
    if (failed !== undefined) return { type: "failed", by: `${relative(copy, name)}: ${failed.fullName}` };
  }
  const broken = testResults.find(({ status }) => status === "failed");
  if (broken !== undefined && numTotalTests === 0) return { type: "broken", why: broken.message };
  if (broken !== undefined) return { type: "failed", by: `${relative(copy, broken.name)} (as a whole)` };
  return { type: "failed", by: "an error outside of any test" };
}
