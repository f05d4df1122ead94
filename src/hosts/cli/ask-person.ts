/** Asks the person at this terminal what a run waits for. */
import { createInterface, type Interface } from "node:readline/promises";
import type { JsonValue } from "../../ports/json.ts";
import type { Wait } from "../../ports/waiting.ts";
import type { Command } from "../../run/types.ts";
import { note } from "./output.ts";
import { sanitize } from "./view/text.ts";
import { callHead, stepOfCall } from "./view/event-lines.ts";
import type { KnownCall } from "./view/waits.ts";
import { clockTime } from "./view/waiting-lines.ts";

export interface Questioning {
  readonly waits: readonly Wait[];
  readonly calls: readonly KnownCall[];
  /** Where it is asked; default: standard input and error. */
  readonly input?: NodeJS.ReadableStream;
  readonly output?: NodeJS.WritableStream;
}

/** The person was asked everything first; nothing runs in between. Undefined answers are left for later. */
export async function askPerson({
  waits,
  calls,
  input = process.stdin,
  output = process.stderr,
}: Questioning): Promise<readonly Command[]> {
  const lines = createInterface({ input, output, terminal: true });
  const leaving = new AbortController();
  const leave = (): void => leaving.abort();
  lines.on("SIGINT", leave);
  lines.on("close", leave);
  const commands: Command[] = [];
  try {
    for (const wait of waits) {
      const command = await askOne(
        { lines, signal: leaving.signal },
        wait,
        calls.find(({ id }) => id === wait.call),
      );
      if (command !== undefined) commands.push(command);
    }
  } catch (error) {
    if (!leaving.signal.aborted) throw error;
    output.write("\n");
  } finally {
    lines.removeListener("close", leave);
    lines.close();
  }
  return commands;
}

interface Talk {
  readonly lines: Interface;
  readonly signal: AbortSignal;
}

function askOne(talk: Talk, wait: Wait, call: KnownCall | undefined): Promise<Command | undefined> {
  switch (wait.for) {
    case "approval":
      return askApproval(talk, wait, call);
    case "question":
      return askQuestion(talk, wait);
    case "resolution":
      return askOutcome(talk, wait, call);
    default:
      return Promise.resolve(undefined);
  }
}

async function ask({ lines, signal }: Talk, prompt: string): Promise<string> {
  return (await lines.question(sanitize(prompt), { signal })).trim();
}

/** The word that was typed, whole or its beginning; asked again until there is one. */
async function choose<T extends string>(talk: Talk, prompt: string, words: readonly T[]): Promise<T> {
  for (;;) {
    const said = (await ask(talk, prompt)).toLowerCase();
    const word = said === "" ? undefined : words.find((candidate) => candidate.startsWith(said));
    if (word !== undefined) return word;
  }
}

async function askApproval(talk: Talk, wait: Wait, call: KnownCall | undefined): Promise<Command | undefined> {
  const { id: approval } = wait;
  note(`${wait.tool ?? "A call"} waits for approval${wait.text === undefined ? "" : `: ${wait.text}`}${until(wait)}`);
  if (call !== undefined) note(indented(JSON.stringify(call.input, undefined, 2)));
  for (;;) {
    const prompt = "Run it? [y]es, [n]o, [e]dit, [a]lways in this run, [l]ater: ";
    switch (await choose(talk, prompt, ["yes", "no", "edit", "always", "later"])) {
      case "yes":
        return { kind: "approve", approval };
      case "always":
        return { kind: "approve", approval, always: true };
      case "no":
        return { kind: "deny", approval, ...(await askRemark(talk)) };
      case "later":
        return undefined;
      case "edit": {
        const input = await askArguments(talk, call);
        if (input !== undefined) return { kind: "approve", approval, input };
      }
    }
  }
}

async function askRemark(talk: Talk): Promise<{ readonly note?: string }> {
  const remark = await ask(talk, "Why, for the model (may be left out): ");
  return remark === "" ? {} : { note: remark };
}

async function askArguments(talk: Talk, call: KnownCall | undefined): Promise<JsonValue | undefined> {
  const asking = ask(talk, "Arguments (JSON): ");
  talk.lines.write(JSON.stringify(call?.input ?? {}));
  const text = await asking;
  if (text === "") return undefined;
  try {
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    note(`That is not JSON: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

async function askQuestion(talk: Talk, wait: Wait): Promise<Command | undefined> {
  const { id: question, text = "", choices } = wait;
  note(`${text}${until(wait)}`);
  for (const [i, choice] of (choices ?? []).entries()) note(`  ${i + 1}  ${choice}`);
  for (;;) {
    const said = await ask(talk, choices === undefined ? "Answer (empty: later): " : "Number or answer (empty: later): ");
    if (said === "") return undefined;
    const answer = choices === undefined ? said : (choices[Number(said) - 1] ?? choices.find((choice) => choice === said));
    if (answer !== undefined) return { kind: "answer", question, answer };
  }
}

async function askOutcome(talk: Talk, { id: call, doubt = 1 }: Wait, known: KnownCall | undefined): Promise<Command | undefined> {
  const head = known === undefined ? `call ${call}` : callHead(known.name, known.input, 100);
  note(`Did ${head} happen? Step ${stepOfCall(call) + 1} was interrupted there.`);
  const outcome = await choose(talk, "[d]one, [f]ailed, [r]etry, [l]ater: ", ["done", "failed", "retry", "later"]);
  return outcome === "later" ? undefined : { kind: "resolve", call, outcome, doubt };
}

function until({ at }: Wait): string {
  return at === undefined ? "" : ` (until ${clockTime(at)})`;
}

function indented(text: string): string {
  return text
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");
}
