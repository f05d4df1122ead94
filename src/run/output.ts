/** Structured answers: the schema that is asked for, what the model is told of it, and the check of what came. */
import { ExecutusError } from "../kernel/errors.ts";
import { canonical } from "../kernel/guards.ts";
import { isCheckedNow, jsonIn, wantedOutput } from "../kernel/output.ts";
import type { RunState } from "../kernel/state.ts";
import type { JsonValue } from "../ports/json.ts";
import type { AssistantPart } from "../ports/messages.ts";
import type { FinishReason, ModelCall } from "../ports/models.ts";
import type { OutputCheck, OutputSchema, OutputSnapshot, OutputVerdict } from "../ports/output.ts";
import type { Core } from "./core.ts";
import { inTime } from "./in-time.ts";
import { toJson } from "./json.ts";
import type { Agent } from "./types.ts";
import type { Session } from "./session.ts";

/** Reads a schema as it was given. Rejects with `request_invalid`, naming whose it is. */
export async function readOutput(core: Core, given: object | undefined, owner: string): Promise<OutputSchema | undefined> {
  if (given === undefined) return undefined;
  if (core.schemas !== undefined) return core.schemas.read(given, owner);
  throw new ExecutusError("not_supported", `${owner} asks for a structured answer, and nothing here reads schemas`, {
    hint: "Make the executor with createExecutor.",
  });
}

export function snapshotOutput(output: OutputSchema): OutputSnapshot {
  const { jsonSchema, name, description } = output;
  return {
    schema: jsonSchema,
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
  };
}

/** For a journaled run: the agent's own check if it still has that schema, else what the journaled schema says. */
export async function bindOutput(core: Core, state: RunState, agent: Agent | undefined): Promise<OutputSchema | undefined> {
  const wanted = wantedOutput(state);
  if (wanted === undefined) return undefined;
  const own = await readOutput(core, agent?.output, `agent ${state.agent.name}`);
  const clean = (schema: JsonValue): string => canonical(core.ports.redaction?.data(schema) ?? schema);
  if (own !== undefined && clean(own.jsonSchema) === clean(wanted.schema)) return own;
  return readOutput(core, wanted.schema, `run ${state.run}`);
}

/** What a model call says about the shape: in words, because not every model takes a schema, and as data for those that do. */
export function askForOutput(state: RunState): Pick<ModelCall, "instructions" | "output"> {
  const { instructions } = state.agent;
  const output = isCheckedNow(state) ? wantedOutput(state) : undefined;
  if (output === undefined) return { instructions };
  const words = `Your final answer must be JSON that fits this JSON Schema, without any other text:\n${JSON.stringify(output.schema)}`;
  return { instructions: instructions === "" ? words : `${instructions}\n\n${words}`, output };
}

/** The verdict on an answer, if it is a final one. */
export async function checkOutput(
  session: Session,
  content: readonly AssistantPart[],
  finish: FinishReason,
): Promise<OutputVerdict | undefined> {
  const { state, output } = session;
  if (output === undefined || !isCheckedNow(state)) return undefined;
  const asksForCalls = content.some((part) => part.type === "tool-call" && part.providerExecuted !== true);
  if (asksForCalls && state.ending === undefined) return undefined;
  const text = content.map((part) => (part.type === "text" ? part.text : "")).join("");
  const value = jsonIn(text);
  if (value === undefined) return { ok: false, problem: notJson(text, finish) };
  return toVerdict(await validated(session, output, value), value);
}

function notJson(text: string, finish: FinishReason): string {
  if (text.trim() === "") return "it is empty.";
  return finish === "length" ? "it was cut at its length limit, so it is not complete JSON." : "it is not JSON.";
}

async function validated(session: Session, output: OutputSchema, value: JsonValue): Promise<OutputCheck> {
  try {
    return await inTime(session, () => output.validate(value));
  } catch (error) {
    return { ok: false, problem: `it could not be checked: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function toVerdict(check: OutputCheck, value: JsonValue): OutputVerdict {
  if (!check.ok) return { ok: false, problem: check.problem.endsWith(".") ? check.problem : `${check.problem}.` };
  if (check.value === value) return { ok: true };
  const data = toJson(check.value);
  if (!data.ok) return { ok: false, problem: `what its schema makes of it is not JSON (${data.problem}).` };
  return canonical(data.value) === canonical(value) ? { ok: true } : { ok: true, data: data.value };
}
