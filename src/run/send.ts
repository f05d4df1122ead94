/** Telling a run something, whoever drives it. */
import type { JsonValue } from "../ports/json.ts";
import type { InboxEntry, SendResult } from "../ports/store.ts";
import type { Wait } from "../ports/waiting.ts";
import { ExecutusError } from "../kernel/errors.ts";
import { unfit } from "./answers.ts";
import type { Core } from "./core.ts";
import { checkId, newId } from "./ids.ts";
import { toJson } from "./json.ts";
import { warn } from "./observers.ts";
import type { Command } from "./types.ts";

export async function sendCommand(
  core: Core,
  run: string,
  given: Command,
  options: { readonly id?: string; readonly from?: string } = {},
): Promise<SendResult> {
  const id = options.id === undefined ? newId("in", core.clock) : checkId(options.id, "inbox id");
  const from = options.from === undefined ? {} : { from: options.from };
  const command = await clean(core, run, given);
  checkSize(run, command);
  if (command.kind === "answer") await checkAnswer(core, run, command);
  const result = await core.store.inbox.send(run, toEntry({ id, at: Math.round(core.clock.now()), ...from }, command));
  // Also for one that was told before: whoever told it may have died before the run could hear.
  if (result === "accepted" || result === "duplicate") core.engine.wake(run);
  return result;
}

/** A vault that is asked for secrets and does not answer may hold up a kill for so long, ms. */
const PATIENCE_MS = 2_000;

/**
 * What can be told once all secrets are known. The end of a run does not wait for a vault that is away: it is told without its reason,
 * from which nobody could take a secret.
 */
async function clean(core: Core, run: string, command: Command): Promise<Command> {
  const { redaction } = core.ports;
  if (redaction === undefined) return command;
  if (command.kind !== "cancel" && command.kind !== "kill") {
    await redaction.refresh();
    return command;
  }
  if (await isDone(core, redaction.refresh())) return command;
  const { reason: _reason, ...rest } = command;
  const message = `it is told to end (${command.kind}) without a reason: the registered secrets could not be read`;
  warn(core.ports, run, message);
  return rest;
}

/** False when it fails, or is not done in time. */
async function isDone({ clock }: Core, work: Promise<void>): Promise<boolean> {
  return new Promise((resolve) => {
    const cancel = clock.after(PATIENCE_MS, () => resolve(false));
    work.then(
      () => (cancel(), resolve(true)),
      () => (cancel(), resolve(false)),
    );
  });
}

/** As much as a result may have before it is cut, in bytes of JSON; an answer or a signal is stored and read whole. */
const MOST_BYTES = 256 * 1024;

/** Messages are as long as people write them; for everything else there is a bound, and it is plain JSON. */
function checkSize(run: string, command: Command): void {
  if (command.kind === "steer") return checkMessage(run, command);
  const json = toJson(command);
  const problem = json.ok ? tooLong(JSON.stringify(json.value)) : json.problem.replace(/^result\.?/, "");
  if (problem === undefined) return;
  const hint = "Give plain JSON of at most 256 KB; put more into a file, and say where it is.";
  throw new ExecutusError("request_invalid", `what ${run} is told (${command.kind}) cannot be taken: ${problem}`, { run, hint });
}

/** Parts without any are meant: the run goes on without another word. A text without a letter is a slip. */
function checkMessage(run: string, { content }: Extract<Command, { kind: "steer" }>): void {
  if (content !== "") return;
  const hint = "Say what the model is to know before its next step.";
  throw new ExecutusError("request_invalid", `the message for ${run} is empty`, { run, hint });
}

/**
 * What the run's row shows to be no answer is refused to whoever gives it: they would hear of it only from the journal. Everything else
 * is decided by whoever drives the run, who may know more than the row, and decides about every answer once more.
 */
async function checkAnswer(core: Core, run: string, { question, answer }: Extract<Command, { kind: "answer" }>): Promise<void> {
  const waitingFor = (await core.store.runs.get(run))?.waitingFor;
  const waits = waitingFor !== undefined && "waits" in waitingFor ? waitingFor.waits : [];
  const asked = waits.find((wait) => wait.for === "question" && wait.id === question);
  if (asked !== undefined) checkFits(run, asked, core.ports.redaction?.data(answer) ?? answer);
}

/** Throws `request_invalid` for an answer that is none of the choices. */
export function checkFits(run: string, { choices }: Pick<Wait, "choices">, answer: JsonValue): void {
  const problem = unfit(choices === undefined ? {} : { choices }, answer);
  if (problem === undefined) return;
  const message = `${run} was not told ${JSON.stringify(answer)}: ${problem}`;
  throw new ExecutusError("request_invalid", message, { run, hint: "The question is still open." });
}

function tooLong(text: string): string | undefined {
  const bytes = text.length * 3 <= MOST_BYTES ? 0 : new TextEncoder().encode(text).length;
  return bytes > MOST_BYTES ? `it has ${bytes} bytes` : undefined;
}

function toEntry(base: { readonly id: string; readonly at: number; readonly from?: string }, command: Command): InboxEntry {
  if (command.kind !== "steer") return { ...base, ...command };
  const { content, ...rest } = command;
  if (typeof content !== "string") return { ...base, ...rest, content };
  return { ...base, ...rest, content: [{ type: "text", text: content }] };
}
