import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadAgent } from "executus";
import { afterEach, beforeEach, expect, it } from "vitest";

const EXAMPLES = join(import.meta.dirname, "../examples");

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "executus-example-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function run(name: string, ...words: readonly string[]): { readonly signal: string | null; readonly lines: readonly string[] } {
  const args = ["--conditions=executus-source", join(EXAMPLES, name), ...words];
  const { signal, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
  expect(stderr).toBe("");
  return { signal, lines: stdout.split("\n").slice(0, -1) };
}

it("embed.ts answers", () => {
  expect(run("embed.ts").lines).toEqual(["completed Sunny, for once."]);
});

it("resume.ts goes on where it killed itself", () => {
  expect(run("resume.ts", "--crash")).toEqual({ signal: "SIGKILL", lines: [] });
  expect(readFileSync(join(folder, "notes.txt"), "utf8")).toBe("one\ntwo\n");
  expect(run("resume.ts").lines).toEqual(["completed after 4 steps: one, two, three"]);
  expect(run("resume.ts").lines).toEqual(["completed after 4 steps: one, two, three"]);
});

it("reconcile.ts pays once, also when it dies between the transfer and its result", () => {
  expect(run("reconcile.ts", "--crash")).toEqual({ signal: "SIGKILL", lines: [] });
  expect(run("reconcile.ts").lines).toEqual(["completed, 1 transfer"]);
  expect(readFileSync(join(folder, "bank.txt"), "utf8")).toBe("bill-17:0.0 Anna 40\n");
});

it("steer.ts tells the model before its next step", () => {
  const { lines } = run("steer.ts");
  expect(lines.filter((line) => line.endsWith("steer.received"))).toHaveLength(1);
  expect(lines.at(-1)).toBe("Found three letters. I was told: Only those to Berlin.");
});

it("own-models.ts falls back to the second candidate", () => {
  expect(run("own-models.ts").lines).toEqual(["completed HELLO own/echo"]);
});

it("budget.ts holds each tenant to its day", () => {
  expect(run("budget.ts").lines).toEqual([
    "acme over_budget I read 3 pages.",
    "acme over_budget budget_refused",
    "globex over_budget I read 3 pages.",
    "acme $0.0096 of $0.01",
    "globex $0.0096 of $0.01",
  ]);
});

it("supervisor.ts tells a run that gets nowhere", () => {
  expect(run("supervisor.ts").lines).toEqual([
    "3 steps in a row have brought nothing new.",
    "model: nudge, because it searches without a year",
    "It is the one from 1911.",
  ]);
});

it("phases.ts hands answers on", () => {
  expect(run("phases.ts").lines).toEqual([
    "Find, 2 steps: 1911: pears early.",
    "Draft, 1 steps: In 1911 the pears were early. They were sweet.",
    "Check, 1 steps: In 1911 the pears were early.",
    "completed In 1911 the pears were early.",
  ]);
});

it("structured-output.ts has the answer put right, and says when it stays wrong", () => {
  expect(run("structured-output.ts").lines).toEqual(["mug 16", "failed output_invalid Fifteen."]);
});

it("changed-agent.ts asks about what was changed, and does as it is told", () => {
  const asked = ["waiting agent_changed"];
  const { lines } = run("changed-agent.ts");
  expect(lines.filter((line) => line.startsWith("waiting"))).toEqual([...asked, ...asked]);
  expect(lines.filter((line) => line.includes("instructions"))).toHaveLength(2);
  expect(lines[2]).toBe("I was told: Answer in full.");
  expect(lines[5]).toBe("I was told: Answer in one word.");
});

it("thread.ts goes on from a run that has ended", () => {
  expect(run("thread.ts").lines).toEqual(["You have said 3 things.", "false"]);
});

it("tool-source.ts keeps what a run wrote and leaves no folder behind", () => {
  expect(run("tool-source.ts").lines).toEqual(["completed haiku.txt (18 bytes)", "left behind: false"]);
});

it("mcp.ts uses the tools of a server", () => {
  expect(run("mcp.ts").lines).toEqual(["completed mcp__notes__read_text_file mcp__notes__write_file", "Buy tea."]);
});

it("fork.ts asks what if, and pays nothing twice", () => {
  expect(run("fork.ts").lines).toEqual(["40 euros 1", "90 euros 1"]);
});

it("replay.ts names where a changed prompt would go another way", () => {
  const change = 'instructions, line 1: "Weigh it." -> "Guess what it weighs."';
  expect(run("replay.ts").lines).toEqual(["{ events: 8 }", `another prompt: ${change}`, "[]", `step 1: ${change}`]);
});

it("agents/reviewer.md is read without a warning", async () => {
  const { agent, warnings } = await loadAgent(join(EXAMPLES, "agents/reviewer.md"));
  expect([agent.name, agent.onChange, warnings]).toEqual(["reviewer", "ask", []]);
});

const files = readdirSync(EXAMPLES).filter((name) => name.endsWith(".ts"));

it("S23 attachments.ts reads a file, is shown an image and leaves a report", () => {
  expect(run("attachments.ts").lines).toEqual(['report.md text/markdown "# Report\\n\\nIt begins with a greeting.\\n"']);
});

it("S22 compaction.ts shortens a conversation that outgrows its window", () => {
  const { lines } = run("compaction.ts");
  expect(lines[0]).toBe("7 messages became 4");
  expect(lines.at(-1)).toBe("completed There is nothing in this book.");
});

it("redaction.ts leaks nothing", () => {
  expect(run("redaction.ts").lines).toEqual(["The token [redacted DB_TOKEN] was refused.", "nothing leaked"]);
});

it("delivery.ts delivers to a file and, at the second attempt, to a webhook", () => {
  expect(run("delivery.ts").lines).toEqual([
    "15 mugs. mugs.d1 mugs.d1",
    "run.completed",
    "mugs.d1 delivered 2",
    "mugs.d0 delivered 1",
  ]);
});

it("isolated.ts ends a tool that never ends, and goes on meanwhile", () => {
  const { lines } = run("isolated.ts");
  expect(lines).toEqual([
    "the process still does other things",
    "oddPerfect timed out after 1000 ms.",
    "completed I found none in time.",
  ]);
});

it("lanes.ts drives two at a time", () => {
  expect(run("lanes.ts").lines).toEqual(["queued", "6 completed, at most 2 at once"]);
});

it("crash-test.ts finds the tool that ignores its key", () => {
  const twice = '[{"key":"r:0.0","euros":40}] happened more often than undisturbed';
  expect(run("crash-test.ts").lines).toEqual([
    `stopped before write 2 (append to r: tool.ended, model.started): what happened outside: ${twice}`,
    "{ points: 8, pairs: 78, unknown: 0, rerun: 16 }",
  ]);
});

it("every example is run here", () => {
  expect(files.toSorted()).toEqual([
    "approval.ts",
    "attachments.ts",
    "budget.ts",
    "changed-agent.ts",
    "compaction.ts",
    "crash-test.ts",
    "delegate.ts",
    "delivery.ts",
    "embed.ts",
    "fork.ts",
    "isolated.ts",
    "lanes.ts",
    "mcp.ts",
    "own-models.ts",
    "phases.ts",
    "reconcile.ts",
    "redaction.ts",
    "replay.ts",
    "resume.ts",
    "skill.ts",
    "steer.ts",
    "structured-output.ts",
    "supervisor.ts",
    "thread.ts",
    "tool-source.ts",
    "wait.ts",
  ]);
});

it.each(files)("%s is shorter than 40 lines", (file) => {
  expect(readFileSync(join(EXAMPLES, file), "utf8").split("\n").length).toBeLessThan(40);
});

it("S14 delegate.ts hands work to a child, and adds what that used", () => {
  const promised = [
    "completed Take the S7 to Potsdam.",
    "agent__scout ok Potsdam is in Brandenburg.",
    "scout: completed, 2 steps",
    "40 tokens read in all",
  ];
  expect(run("delegate.ts").lines).toEqual(promised);
  expect(run("delegate.ts").lines).toEqual(promised);
});

it("S42 skill.ts reads a skill in stages", () => {
  const { lines } = run("skill.ts");
  expect(lines[0]).toMatch(/^skill__haiku "Instructions of the skill haiku.*Three lines.*references\/count\.md"$/);
  expect(lines.slice(1)).toEqual(['skill__haiku "5, 7, 5 syllables."', "An old silent pond"]);
});

it("approval.ts asks a person, ends, and goes on with the answer in another process", () => {
  const waiting = {
    kind: "approval",
    calls: ["0.1"],
    waits: [{ for: "approval", id: "case-7:0.1", text: "more than 50 euros", call: "0.1", tool: "refund" }],
  };
  expect(run("approval.ts").lines).toEqual(["paid back 40 euros", `waiting ${JSON.stringify(waiting)}`]);
  expect(run("approval.ts", "--answer").lines).toEqual(["paid back 60 euros", "completed Both complaints are settled."]);
});

it("wait.ts asks, sleeps and waits for a signal", () => {
  expect(run("wait.ts").lines).toEqual(["waiting question", "waiting time", 'They are there. mugs: {"boxes":1}']);
});
