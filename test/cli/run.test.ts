import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createCliFolder, type CliFolder } from "./cli-folder.ts";
import { agentFile, type CliProcess, type Finished } from "./cli-process.ts";

let folder: CliFolder;

beforeEach(async () => {
  folder = await createCliFolder();
});

afterEach(() => folder[Symbol.asyncDispose]());

const cli = (...words: string[]): Promise<Finished> => folder.run(words);
const start = (...words: string[]): CliProcess => folder.start(words);
const calls = (): Promise<string> => readFile(join(folder.path, "calls.log"), "utf8");
const openGate = (): Promise<void> => writeFile(join(folder.path, "gate"), "");

interface Listed {
  readonly run: string;
  readonly status: string;
}

async function runs(): Promise<readonly Listed[]> {
  return JSON.parse((await cli("ls", "--all", "--json")).stdout) as readonly Listed[];
}

async function onlyRun(): Promise<string> {
  const [only] = await runs();
  return only?.run ?? "";
}

/** Started, and killed while it stands at the gate: one call done, one under way. */
async function killedAtGate(agent: string): Promise<string> {
  const first = start("run", agentFile(agent));
  await first.sees(/→ gate/);
  await expect.poll(calls).toContain("gate");
  first.child.kill("SIGKILL");
  await first.ended;
  return onlyRun();
}

describe("run", () => {
  it("prints the answer on standard output and nothing else there", async () => {
    const { code, stdout, stderr } = await cli("run", agentFile("quick"), "a cup of tea");
    expect(stdout).toBe("You asked for a cup of tea.\n");
    expect(code).toBe(0);
    expect(stderr).toContain("1 ✓ record one");
    expect(stderr).toMatch(/✓ completed · 2 steps · 2 calls · 30 tokens · \$0\.00004 · /);
    expect(await calls()).toBe("record one\nrecord two\n");
  });

  it("asks what the agent has for the case that nobody asks anything", async () => {
    expect((await cli("run", agentFile("quick"), "-q")).stdout).toBe("You asked for nothing in particular.\n");
  });

  it("says nothing with -q, and writes the answer to a file with -o as well", async () => {
    const { stdout, stderr } = await cli("run", agentFile("quick"), "tea", "-q", "-o", "answer.txt");
    expect(stderr).toBe("");
    expect(stdout).toBe("You asked for tea.\n");
    expect(await readFile(join(folder.path, "answer.txt"), "utf8")).toBe("You asked for tea.\n");
  });

  it("takes the input from standard input for -", async () => {
    const { stdout } = await folder.run(["run", agentFile("quick"), "-", "-q"], { input: "piped tea" });
    expect(stdout).toBe("You asked for piped tea.\n");
  });

  it("ends with one result object for --output-format json", async () => {
    const { stdout, code } = await cli("run", agentFile("quick"), "tea", "--output-format", "json", "--label", "team=a");
    const result = JSON.parse(stdout) as Record<string, unknown>;
    expect(result).toMatchObject({
      type: "result",
      subtype: "success",
      is_error: false,
      num_turns: 2,
      result: "You asked for tea.",
      total_cost_usd: 0.00004,
      usage: { input_tokens: 20, output_tokens: 10 },
      status: "completed",
      stop_reason: "completed",
    });
    expect(result["session_id"]).toBe(result["run_id"]);
    expect(code).toBe(0);
  });

  it("streams init, every event of the journal in order, then the result for stream-json", async () => {
    const { stdout } = await cli("run", agentFile("quick"), "tea", "--output-format", "stream-json");
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { type: string; seq: number; run_id: string; v: number });
    const [init, ...rest] = lines;
    const result = rest.pop();
    expect(init).toMatchObject({ type: "system", subtype: "init", v: 1 });
    expect(rest.map(({ seq }) => seq)).toEqual(rest.map((_, i) => i));
    expect(rest[0]?.type).toBe("run.started");
    expect(rest.at(-1)?.type).toBe("run.finished");
    expect(result).toMatchObject({ type: "result", subtype: "success", seq: rest.length - 1 });
    expect(new Set(lines.map(({ run_id, v }) => `${run_id} ${v}`)).size).toBe(1);
  });

  it("keeps what tools print, and what they make a terminal do, off standard output", async () => {
    const { stdout, stderr, code } = await cli("run", agentFile("chatty"), "--max-steps", "3");
    expect(stdout).toBe("As far as I got.\u001B[2J\n");
    expect(stderr).toContain("chatter");
    expect(stderr).not.toContain("\u001B");
    expect(code).toBe(3);
  });

  it("says which bound was reached and ends with 3", async () => {
    const { stderr } = await cli("run", agentFile("chatty"), "--max-steps", "2");
    expect(stderr).toMatch(/run_\w+ out of steps: The limit of 2 steps is reached\.\nHow it went: .* show run_\w+\n$/);
  });

  it("ends with 1 when the model refuses", async () => {
    const { code, stdout, stderr } = await cli("run", agentFile("failing"));
    expect(stdout).toBe("");
    expect(stderr).toMatch(/run_\w+ failed: 400 bad request: the prompt is not allowed\n/);
    expect(code).toBe(1);
  });
});

describe("a model that breaks off", () => {
  it("is named once, is not tried again after its last try, and leaves the cost open", async () => {
    const { code, stderr } = await cli("run", agentFile("breaking"));
    const tries = stderr.split("\n").filter((line) => line.startsWith("  2 !"));
    const failure = "  2 ! script/breaking: the line is dead";
    expect(tries).toEqual([`${failure}; trying again`, `${failure}; trying again`, `${failure}; given up after 3 tries`]);
    expect(code).toBe(1);
    const shown = (await cli("show", await onlyRun())).stdout;
    expect(shown).toMatch(/tokens .* 15 \(10 in, 5 out, 3 calls not known\), no limit\n/);
    expect(shown).toMatch(/cost +at least \$0\.00002, no limit\n/);
  });
});

describe("show", () => {
  it("has the last 40 steps, and all of them with --all", async () => {
    await cli("run", agentFile("chatty"), "-q", "--max-steps", "43", "--id", "long");
    const short = (await cli("show", "long")).stdout;
    expect(short).toContain("      3 earlier steps: --all shows them\n  4 ✓ chat");
    expect((await cli("show", "long", "--all")).stdout).toMatch(/\n\n {2}1 ✓ chat .*\n {2}2 ✓ chat /);
  });
});

describe("a run that was killed", () => {
  it("is continued by the same command, which says so and repeats nothing", async () => {
    const run = await killedAtGate("gated");
    await openGate();
    const { code, stdout, stderr } = await cli("run", agentFile("gated"));
    expect(stderr).toContain(
      `continuing ${run} where it was: step 2 of 12, 1 call done, none repeated, not known whether gate happened (--new starts afresh)`,
    );
    expect(stdout).toBe("Done.\n");
    expect(code).toBe(0);
    expect(await calls()).toBe("record before\ngate\nrecord after\n");
    expect(await runs()).toMatchObject([{ run, status: "completed" }]);
  });

  it("is left alone with --new, and by another input", async () => {
    const run = await killedAtGate("gated");
    await openGate();
    expect((await cli("run", agentFile("gated"), "--new")).stderr).not.toContain("continuing");
    expect((await cli("run", agentFile("gated"), "something else")).stderr).not.toContain("continuing");
    expect(await runs()).toMatchObject([{ status: "completed" }, { status: "completed" }, { run, status: "interrupted" }]);
  });

  it("shows what the crash did: what was kept, what was in doubt, what was decided", async () => {
    const run = await killedAtGate("gated");
    const before = (await cli("show", run)).stdout;
    expect(before).toContain(`${run}  gated  interrupted\n`);
    expect(before).toContain(`resume ${run}`);
    expect(before).toMatch(/ 2 → gate {2}was under way \(id 1\.0\)\n/);
    await openGate();
    await cli("resume", run, "-q");
    const after = (await cli("show", run)).stdout;
    expect(after).toContain("2 attempts, 1 crash");
    expect(after).toMatch(/after a crash: 2 steps and 1 call kept, none repeated\n/);
    expect(after).toContain("? gate (step 2, id 1.0) was under way: reported to the model as unknown");
    expect(after).toMatch(/steps +█+░+ {2}4 of 12/);
    expect(after).toContain("answer\nDone.");
  });

  it("waits for a person where its tool says so, and goes on with what the person decides", async () => {
    const run = await killedAtGate("asking");
    const waiting = await cli("resume", run);
    expect(waiting.code).toBe(4);
    expect(waiting.stderr).toContain(`${run} waits for a person: did gate happen? Step 2 was interrupted there.\n`);
    expect(waiting.stderr).toContain(`resolve ${run} 1.0 --outcome done`);
    expect((await cli("ls")).stdout).toContain("1 call to decide");
    expect((await cli("show", run)).stdout).toMatch(/Did gate happen \(step 2\)\? .* resolve \S+ 1\.0 --outcome done\n/);
    const wrong = await cli("resolve", run, "0.0", "--outcome", "done");
    expect(wrong.stderr).toContain(`call 0.0 of ${run} is not in doubt\n  Open: 1.0 (gate, step 2).\n`);
    const resolved = await cli("resolve", run, "1.0", "--outcome", "done", "--output", "through");
    expect(resolved.stderr).toContain("it takes effect when the run goes on");
    const { code, stdout } = await cli("resume");
    expect([code, stdout]).toEqual([0, "Done.\n"]);
    expect(await calls()).toBe("record before\ngate\nrecord after\n");
  });

  it("hears what became of a call that is in doubt once more, also before it goes on, and nothing twice", async () => {
    const run = await killedAtGate("asking");
    expect((await cli("resume", run, "-q")).code).toBe(4);
    await cli("resolve", run, "1.0", "--outcome", "retry");
    // Somebody else has looked, too, and is a moment late.
    const late = await cli("resolve", run, "1.0", "--outcome", "failed");
    expect([late.code, late.stderr]).toEqual([2, expect.stringContaining(`${run} was told "resolve" about that`)]);
    const second = start("resume", run);
    await second.sees(/resolved as retry/);
    await expect.poll(calls).toContain("gate\ngate");
    second.child.kill("SIGKILL");
    await second.ended;
    await cli("resolve", run, "1.0", "--outcome", "done", "--output", "through");
    const { code, stdout } = await cli("resume", run);
    expect([code, stdout]).toEqual([0, "Done.\n"]);
    expect(await calls()).toBe("record before\ngate\ngate\nrecord after\n");
  });

  it("says of what had not happened which step it belongs to", async () => {
    const run = await killedAtGate("checked");
    await openGate();
    const { stderr } = await cli("resume", run);
    expect(stderr).toMatch(/\n {2}2 ! gate had not happened, so it runs\n {2}2 ✓ gate {2}/);
  });

  it("is ended by cancel though nobody drives it", async () => {
    const run = await killedAtGate("gated");
    const { code, stderr } = await cli("cancel", run, "--reason", "not needed");
    expect([code, stderr]).toEqual([0, `${run} cancelled\n`]);
    expect((await cli("show", run)).stdout).toContain("not needed (cancelled)");
    expect((await cli("cancel", run)).stderr).toContain(`${run} has already ended (cancelled)`);
  });

  it("is continued together with others by resume --all", async () => {
    const one = await killedAtGate("gated");
    const other = start("run", agentFile("gated"), "other input");
    await other.sees(/→ gate/);
    other.child.kill("SIGKILL");
    await other.ended;
    await openGate();
    const { code, stdout } = await cli("resume", "--all", "-q");
    expect(stdout.match(/gated {2}completed {2}Done\./g)).toHaveLength(2);
    expect(stdout).toContain(one);
    expect(code).toBe(0);
    expect((await cli("resume")).stderr).toBe("Nothing to resume: no run was interrupted or waits.\n");
  });
});

describe("--id", () => {
  it("starts a run once and shows its result from then on", async () => {
    const first = await cli("run", agentFile("quick"), "tea", "--id", "nightly-1");
    const again = await cli("run", agentFile("quick"), "tea", "--id", "nightly-1");
    expect(again.stdout).toBe(first.stdout);
    expect(again.stderr).toContain("nightly-1 had ended before; nothing was run");
    expect(await calls()).toBe("record one\nrecord two\n");
  });

  it("refuses another input or agent under the same id", async () => {
    expect(await cli("run", agentFile("quick"), "tea", "--id", "nightly-1")).toMatchObject({ code: 0 });
    const { code, stderr } = await cli("run", agentFile("quick"), "coffee", "--id", "nightly-1");
    expect(stderr).toMatch(
      /^executus: the id nightly-1 is taken by a run with another input\n {2}Choose another --id, or look at that run: .* show nightly-1\n$/,
    );
    expect(code).toBe(2);
  });
});

describe("--new with --id", () => {
  it("refuses an id that is taken, also when nothing else would be said", async () => {
    const fresh = ["run", agentFile("quick"), "tea", "--new", "--id", "nightly-1", "-q"];
    expect(await cli(...fresh)).toMatchObject({ code: 0, stdout: expect.stringContaining("tea") as string });
    const again = await cli(...fresh);
    expect(again.stderr).toMatch(
      /^executus: the id nightly-1 is taken, so --new cannot start a fresh run with it\n {2}Choose another --id, .* without --new .*\n$/,
    );
    expect(again).toMatchObject({ code: 2, stdout: "" });
    expect(await calls()).toBe("record one\nrecord two\n");
  });
});

describe("Ctrl-C", () => {
  it("once leaves the run resumable and prints the command that continues it", async () => {
    const first = start("run", agentFile("gated"), "--db", "my store.db");
    await first.sees(/→ gate/);
    first.child.kill("SIGINT");
    await first.sees(/Ctrl-C: stopping once the calls under way are back/);
    await openGate();
    const { code, stdout, stderr } = await first.ended;
    const command = /Continue it:\n {2}(.*)\n/.exec(stderr)?.[1] ?? "";
    expect(command).toMatch(/^node --conditions=executus-source \S+main\.ts resume run_\w+ --db 'my store\.db'$/);
    expect([code, stdout]).toEqual([130, ""]);
    const words = /resume run_\w+/.exec(command)?.[0].split(" ") ?? [];
    expect((await cli(...words, "--db", "my store.db")).stdout).toBe("Done.\n");
    expect(await calls()).toBe("record before\ngate\nrecord after\n");
  });

  it("twice cancels the run", async () => {
    const first = start("run", agentFile("gated"));
    await first.sees(/→ gate/);
    first.child.kill("SIGINT");
    await first.sees(/stopping once the calls/);
    await first.pressCtrlC(/again: cancelling the run/);
    const { code, stderr } = await first.ended;
    expect(stderr).toMatch(/run_\w+ cancelled: Ctrl-C twice\n/);
    expect(code).toBe(5);
    expect(await runs()).toMatchObject([{ status: "cancelled" }]);
  });

  it("and SIGTERM end alike, but for the exit code", async () => {
    const first = start("run", agentFile("gated"));
    await first.sees(/→ gate/);
    first.child.kill("SIGTERM");
    await first.sees(/SIGTERM: stopping/);
    await openGate();
    expect((await first.ended).code).toBe(143);
    expect(await runs()).toMatchObject([{ status: "interrupted" }]);
  });
});

describe("a run that another process drives", () => {
  it("is listed, followed, steered, extended and cancelled from here", async () => {
    const driver = start("run", agentFile("gated"), "--id", "shared");
    await driver.sees(/→ gate/);
    const listed = (await cli("ls")).stdout;
    expect(listed).toMatch(/shared +gated +running +2 /);
    expect(listed).toContain(`/${driver.child.pid}`);
    const tail = start("tail", "shared");
    await tail.sees(/→ gate/);
    const steered = await cli("steer", "shared", "mind the step", "--id", "m1");
    expect(steered.stderr).toMatch(/^shared: \S+ drives it and has it now\n$/);
    expect((await cli("steer", "shared", "mind the step", "--id", "m1")).stderr).toContain("it had been told that before");
    await cli("extend", "shared", "--steps", "3", "--time", "1m");
    await openGate();
    expect((await driver.ended).stdout).toBe("Done. I was told: mind the step\n");
    const followed = (await tail.ended).stdout;
    expect(followed).toContain(": mind the step");
    expect(followed).toContain("3 steps, 1m");
    expect(followed).toMatch(/✓ completed · 4 steps/);
    expect((await cli("show", "shared")).stdout).toMatch(/4 of 15\n/);
  });

  it("can be cancelled, and its driver says so", async () => {
    const driver = start("run", agentFile("gated"), "--id", "shared");
    await driver.sees(/→ gate/);
    expect((await cli("cancel", "shared", "--reason", "enough")).stderr).toBe("shared cancelled\n");
    const { code, stderr } = await driver.ended;
    expect(stderr).toContain("shared cancelled: enough");
    expect(code).toBe(5);
  });

  it("can be killed without waiting for its calls", async () => {
    const driver = start("run", agentFile("gated"), "--id", "shared");
    await driver.sees(/→ gate/);
    expect((await cli("kill", "shared")).stderr).toBe("shared killed\n");
    expect((await driver.ended).code).toBe(5);
  });

  it("is refused to a second owner, who is told who has it", async () => {
    const driver = start("run", agentFile("gated"), "--id", "shared");
    await driver.sees(/→ gate/);
    const { code, stderr } = await cli("resume", "shared");
    expect(folder.plain(stderr)).toBe(
      "executus: run shared is being driven by another process (HOST/PID)\n  Follow it: executus tail shared. It can be resumed here once that process has ended.\n",
    );
    expect(code).toBe(2);
    const same = await cli("run", agentFile("gated"), "--id", "shared");
    expect([same.code, same.stderr.includes("is being driven by another process")]).toEqual([2, true]);
  });

  it("that dies is left by tail with the command that continues it", async () => {
    const driver = start("run", agentFile("gated"), "--id", "shared");
    await driver.sees(/→ gate/);
    const tail = start("tail", "shared", "--json");
    await tail.sees(/tool\.started/);
    driver.child.kill("SIGKILL");
    const { code, stderr } = await tail.ended;
    expect(stderr).toMatch(/^nobody drives shared just now\. Continue it:\n {2}.* resume shared\n$/);
    expect(code).toBe(0);
  });
});
