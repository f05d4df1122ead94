/** Every command, and the module that is loaded once it is chosen. */
import type { Command } from "commander";

/** What a command's module exports. `configure` adds arguments, options and the action to an empty command of that name. */
export interface CommandModule {
  /** The action sets `process.exitCode`; what it throws is described to the user with `describeError`. */
  readonly configure: (command: Command) => void;
}

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
}

export const COMMANDS: readonly CommandEntry[] = [
  { name: "run", summary: "start an agent, or continue it where it was", load: () => import("./commands/run.ts") },
  { name: "resume", summary: "continue runs that were interrupted", load: () => import("./commands/resume.ts") },
  { name: "ls", summary: "list runs: those in flight, waiting and interrupted", load: () => import("./commands/ls.ts") },
  { name: "show", summary: "where a run stands, and how it came there", load: () => import("./commands/show.ts") },
  { name: "tail", summary: "follow a run live, whoever drives it", load: () => import("./commands/tail.ts") },
  { name: "steer", summary: "put a message into a run before its next step", load: () => import("./commands/steer.ts") },
  { name: "cancel", summary: "end a run, letting calls under way come back", load: () => import("./commands/cancel.ts") },
  { name: "kill", summary: "end a run at once", load: () => import("./commands/kill.ts") },
  { name: "approve", summary: "let a call run that waits for approval", load: () => import("./commands/approve.ts") },
  { name: "deny", summary: "refuse a call that waits for approval", load: () => import("./commands/deny.ts") },
  { name: "answer", summary: "answer a question that a run has asked", load: () => import("./commands/answer.ts") },
  { name: "signal", summary: "tell a run of something outside that it waits for", load: () => import("./commands/signal.ts") },
  { name: "resolve", summary: "decide a call whose outcome is unknown", load: () => import("./commands/resolve.ts") },
  { name: "tools", summary: "decide about tools that changed meanwhile", load: () => import("./commands/tools.ts") },
  { name: "extend", summary: "give a run more steps, time, tokens or money", load: () => import("./commands/extend.ts") },
  { name: "budget", summary: "what is used of the budgets that runs share", load: () => import("./commands/budget.ts") },
  { name: "artifacts", summary: "the files that a run left behind", load: () => import("./commands/artifacts.ts") },
  { name: "audit", summary: "verify that journals are as they were written", load: () => import("./commands/audit.ts") },
  { name: "plan", summary: "what resuming a run would do, call by call", load: () => import("./commands/plan.ts") },
  { name: "adopt", summary: "go on with a changed agent, in a run that asks", load: () => import("./commands/adopt.ts") },
  { name: "pin", summary: "go on with the agent as it was, in a run that asks", load: () => import("./commands/pin.ts") },
  { name: "fork", summary: "start a new run that begins as another did, with edits", load: () => import("./commands/fork.ts") },
  { name: "replay", summary: "compare a journal with what would be decided today", load: () => import("./commands/replay.ts") },
  { name: "export-test", summary: "make a regression test of a run", load: () => import("./commands/export-test.ts") },
  { name: "agents", summary: "list and check the agents that can be run here", load: () => import("./commands/agents.ts") },
  {
    name: "deliveries",
    summary: "what is to be delivered, and what could not be",
    load: () => import("./commands/deliveries.ts"),
  },
  { name: "deliver", summary: "send outcomes that could not be delivered yet", load: () => import("./commands/deliver.ts") },
  { name: "redeliver", summary: "deliver an outcome again", load: () => import("./commands/redeliver.ts") },
  { name: "webhook", summary: "try a webhook out, make a secret for it", load: () => import("./commands/webhook.ts") },
  { name: "store", summary: "check, back up, export, import and prune the store", load: () => import("./commands/store.ts") },
  { name: "doctor", summary: "check this machine, the store and the models", load: () => import("./commands/doctor.ts") },
  { name: "play", summary: "play recorded conversations through the kernel", load: () => import("./commands/play.ts") },
];
