/** Deliveries of the command line: targets as they are typed, and sending what is due before a command ends. */
import { InvalidArgumentError } from "commander";
import { nearest } from "../../kernel/errors.ts";
import { isFinal } from "../../kernel/status.ts";
import type { Agent } from "../../ports/definition.ts";
import type { DeliveryAdapter, DeliveryTarget } from "../../ports/delivery.ts";
import type { Executor, RunResult } from "../../run/types.ts";
import { commandLine } from "./command-line.ts";
import type { ExecutorOptions } from "./open.ts";
import { note } from "./output.ts";
import { deliveryLine } from "./view/deliveries.ts";

/** `agent`: the targets that the agent's own file names. */
export type Wanted = DeliveryTarget | "agent";

const place = (field: "id" | "url" | "credential") => (kind: string, text: string) =>
  text === "" ? { kind } : { kind, [field]: text };

/** How what stands after the colon is meant. */
const KINDS: Readonly<Record<string, (kind: string, text: string) => DeliveryTarget>> = {
  file: place("id"),
  webhook: place("url"),
  slack: place("id"),
  discord: place("credential"),
  teams: place("credential"),
  github: place("id"),
  gitea: place("id"),
  email: place("id"),
};

/** `github:octo/tea#12`, `webhook:https://example.com/hook`, `file:today.json`, `agent`. */
export function parseTarget(text: string, before: readonly Wanted[] = []): readonly Wanted[] {
  if (text === "agent") return [...before, text];
  const [kind = ""] = text.split(":", 1);
  const read = KINDS[kind];
  if (read !== undefined) return [...before, read(kind, text.slice(kind.length + 1))];
  const near = nearest(kind, Object.keys(KINDS));
  throw new InvalidArgumentError(
    near === undefined ? `Write a kind and a place: ${Object.keys(KINDS).join(", ")}, or agent.` : `Did you mean ${near}?`,
  );
}

/**
 * Where an outcome goes is said by whoever types the command: what stands in an agent's file may have come with a stranger's project.
 */
export function targetsOf(agent: Agent, wanted: readonly Wanted[]): readonly DeliveryTarget[] {
  const own = agent.delivery === undefined ? [] : [agent.delivery].flat();
  return wanted.flatMap((target) => (target === "agent" ? own : [target]));
}

export function withoutTargets<A extends Agent>({ delivery: _own, ...agent }: A): Omit<A, "delivery"> {
  return agent;
}

/**
 * Every adapter that the environment has what it needs for; credentials are asked for when there is something to send. Nothing is
 * loaded where nothing is to be sent.
 */
export async function deliveryOptions(targets: readonly unknown[] | undefined): Promise<Pick<ExecutorOptions, "delivery">> {
  if (targets === undefined) return {};
  const [{ file }, { webhook }, { slack }, { discord }, { teams }, { githubComment, giteaComment }, { email }] =
    await Promise.all([
      import("../../adapters/delivery/file.ts"),
      import("../../adapters/delivery/webhook.ts"),
      import("../../adapters/delivery/slack.ts"),
      import("../../adapters/delivery/discord.ts"),
      import("../../adapters/delivery/teams.ts"),
      import("../../adapters/delivery/issue-comment.ts"),
      import("../../adapters/delivery/email.ts"),
    ]);
  const { GITHUB_API_URL, EXECUTUS_GITEA_API, EXECUTUS_MAIL_FROM } = process.env;
  const adapters: DeliveryAdapter[] = [file({ root: process.cwd() }), webhook(), slack(), discord(), teams()];
  adapters.push(githubComment(GITHUB_API_URL === undefined ? {} : { api: GITHUB_API_URL }));
  if (EXECUTUS_GITEA_API !== undefined) adapters.push(giteaComment({ api: EXECUTUS_GITEA_API }));
  // Whoever typed the address may write to it.
  if (EXECUTUS_MAIL_FROM !== undefined) adapters.push(email({ from: EXECUTUS_MAIL_FROM, mayReceive: () => true }));
  return { delivery: { adapters } };
}

/** Sends what the run has for somebody, once, and says how that went; what did not arrive is kept. */
export async function deliverOutcome(executor: Executor, { run, status }: RunResult, db: string): Promise<void> {
  if (!isFinal(status) || (await executor.deliveries({ run })).length === 0) return;
  await executor.deliver();
  const rows = await executor.deliveries({ run });
  for (const row of rows.toReversed()) note(deliveryLine(row));
  if (rows.some((row) => row.status === "pending")) note(`What is pending is kept. Try again: ${commandLine(["deliver"], db)}`);
}
