/** Telling a run something, whoever drives it. */
import type { InboxEntry, SendResult } from "../ports/store.ts";
import type { Core } from "./core.ts";
import { checkId, newId } from "./ids.ts";
import type { Command } from "./types.ts";

export async function sendCommand(
  core: Core,
  run: string,
  command: Command,
  options: { readonly id?: string; readonly from?: string } = {},
): Promise<SendResult> {
  const id = options.id === undefined ? newId("in", core.clock) : checkId(options.id, "inbox id");
  const from = options.from === undefined ? {} : { from: options.from };
  if (core.ports.redaction !== undefined) await core.ports.redaction.refresh();
  const result = await core.store.inbox.send(run, toEntry({ id, at: Math.round(core.clock.now()), ...from }, command));
  // Also for one that was told before: whoever told it may have died before the run could hear.
  if (result === "accepted" || result === "duplicate") core.engine.wake(run);
  return result;
}

function toEntry(base: { readonly id: string; readonly at: number; readonly from?: string }, command: Command): InboxEntry {
  if (command.kind !== "steer") return { ...base, ...command };
  const { content, ...rest } = command;
  if (typeof content !== "string") return { ...base, ...rest, content };
  return { ...base, ...rest, content: content === "" ? [] : [{ type: "text", text: content }] };
}
