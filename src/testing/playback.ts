/** Plays a recorded run back through the real kernel: its agent as it is now, the models and tools as they were. */
import { createExecutor } from "../create-executor.ts";
import { settleNames } from "../adapters/agents/tool-names.ts";
import { createTools } from "../adapters/tools/registry.ts";
import { changesBetween } from "../kernel/definition.ts";
import { canonical } from "../kernel/guards.ts";
import { NO_LIMIT } from "../kernel/limits.ts";
import { UnknownOutcomeError } from "../kernel/unknown-outcome.ts";
import type { ToolSnapshot } from "../ports/agent.ts";
import type { Agent, Permission, Phase } from "../ports/definition.ts";
import type { JsonValue } from "../ports/json.ts";
import type { Message, ToolOutput } from "../ports/messages.ts";
import type { ModelAnswer, ModelCall, ModelCandidate, Models } from "../ports/models.ts";
import type { Tool } from "../ports/tools.ts";
import type { Compactor } from "../ports/compactor.ts";
import type { Supervisor } from "../ports/supervision.ts";
import { delegatesNamedBy, delegatesOf, delegateTools } from "../run/palette.ts";
import { agentInPhase } from "../run/phase-agent.ts";
import type { Executor, ExecutorConfig, RunRequest, RunResult } from "../run/types.ts";
import type { Cassette, PromptBase, RecordedCall } from "./cassette.ts";

export interface PlaybackOptions {
  readonly agent: Agent;
  /** Tools that the agent names. One that is not here is stood in for by what was recorded of it. */
  readonly tools?: readonly Tool[];
  /** What the executor of the recorded run put before every agent's instructions. */
  readonly systemHeader?: string;
  /** What that executor said of tools by name. */
  readonly permission?: Permission;
  /** Tools whose code runs; what they return must be what was recorded. Default: none, results are those recorded. */
  readonly execute?: readonly string[];
}

export interface Playback {
  /** Where the run took another course than the recorded one, the first place first; empty when nowhere. */
  readonly differences: readonly string[];
  readonly result: RunResult;
}

/**
 * No model and, unless `execute` names it, no tool is called. Every prompt is compared with the recorded one, so a changed prompt, tool
 * description or schema shows, and so does a call that would be refused now.
 *
 * @example
 * const { agent, tools } = await loadAgent("agents/reviewer.ts");
 * expect((await playCassette(cassette, { agent, tools })).differences).toEqual([]);
 */
export async function playCassette(cassette: Cassette, options: PlaybackOptions): Promise<Playback> {
  const tape = new Tape(cassette, new Set(options.execute));
  const agent = await withRecordedTools(cassette, options, tape);
  const { systemHeader, permission } = options;
  await using executor = createExecutor({
    models: tape.models(agent.model),
    tools: createTools([]),
    agents: [agent],
    ...tape.ports(),
    ...(systemHeader === undefined ? {} : { systemHeader }),
    ...(permission === undefined ? {} : { permission }),
  });
  tape.executor = executor;
  const handle = await executor.start(agent, toRequest(cassette, tape));
  const result = await answered(cassette, executor, await handle.result);
  const { status, output } = cassette.end;
  if (result.status !== status)
    tape.differs(
      `it ended ${result.status} instead of ${status}${result.error === undefined ? "" : ` (${result.error.message})`}`,
    );
  else if (result.output !== output) tape.differs(`it answered ${shorten(result.output)} instead of ${shorten(output)}`);
  return { differences: tape.differences, result };
}

const ANSWERS: readonly string[] = ["approve", "deny", "resolve", "answer"];

/** People answer what was asked, as they did. */
async function answered({ run, told }: Cassette, executor: Executor, first: RunResult): Promise<RunResult> {
  const answers = told.filter(({ entry }) => ANSWERS.includes(entry.kind));
  let result = first;
  for (const [i, { entry }] of answers.entries()) {
    if (result.status !== "waiting") break;
    await executor.send(run, entry, { id: `answer-${i}` });
    result = await (await executor.resume(run)).result;
  }
  return result;
}

/** Only steps, tokens and money count in a playback: nothing takes time. */
function toRequest({ run, input, history, limits, caller, output, settings }: Cassette, tape: Tape): RunRequest {
  const [only] = input;
  const isText = input.length === 1 && only?.type === "text";
  const unlimited = {
    timeMs: NO_LIMIT,
    toolTimeoutMs: NO_LIMIT,
    firstTokenMs: NO_LIMIT,
    idleTokenMs: NO_LIMIT,
    modelCallMs: NO_LIMIT,
  };
  const said: readonly Message[] = isText || input.length === 0 ? history : [...history, { role: "user", content: input }];
  return {
    id: run,
    ...(isText ? { input: only.text } : {}),
    ...(said.length === 0 ? {} : { history: said }),
    ...(caller === undefined ? {} : { caller }),
    ...(output === undefined ? {} : { output: output.schema }),
    ...(settings === undefined ? {} : { settings }),
    limits: { ...limits, ...unlimited, retryBaseMs: 1 },
    extraTools: tape.extra,
  };
}

class Tape {
  readonly differences: string[] = [];
  readonly extra: Tool[] = [];
  executor: Executor | undefined;
  readonly #cassette: Cassette;
  readonly #executed: ReadonlySet<string>;
  readonly #prompts: readonly (readonly Message[])[];
  #calls = 0;

  constructor(cassette: Cassette, executed: ReadonlySet<string>) {
    this.#cassette = cassette;
    this.#executed = executed;
    this.#prompts = promptsOf(cassette.calls);
  }

  differs(difference: string): void {
    this.differences.push(difference);
  }

  models(own: string | undefined): Models {
    const { models: usual, phases = [] } = this.#cassette;
    const ids = usual.length === 0 ? [own ?? "recorded/model"] : usual;
    const windowOf = (id: string): Partial<ModelCandidate> => {
      const contextTokens = this.#cassette.windows?.[id];
      return contextTokens === undefined ? {} : { contextTokens };
    };
    const toCandidate = (id: string): ModelCandidate => ({
      id,
      price: FREE,
      call: (call) => this.#answer(call),
      ...windowOf(id),
    });
    const ofTier = (tier: string): readonly string[] => phases.find((phase) => phase.tier === tier)?.models ?? ids;
    return { resolve: (tier) => Promise.resolve(ofTier(tier).map(toCandidate)) };
  }

  /** What was summarised and decided comes again, in the same order. */
  ports(): Pick<ExecutorConfig, "compactor" | "supervisor"> {
    const { compactions, decisions = [], windows } = this.#cassette;
    const summaries = [...(compactions ?? [])];
    const compact: Compactor["compact"] = async () => {
      const next = summaries.shift();
      if (next === undefined) this.differs("its conversation is shortened once more than it was");
      if (next !== undefined && "summary" in next) return next;
      throw Object.assign(
        new Error(next?.error ?? "no summary was recorded"),
        next?.spent === undefined ? {} : { spent: next.spent },
      );
    };
    const decide: Supervisor["decide"] = async ({ stall }) => {
      const decision = decisions[stall.stall];
      if (decision !== undefined) return decision;
      this.differs(`a supervisor is asked and was not: ${stall.message}`);
      return { action: "leave", reason: "not recorded" };
    };
    const compactor = windows === undefined && compactions === undefined ? {} : { compactor: { compact } };
    return decisions.length === 0 ? compactor : { ...compactor, supervisor: { name: "recorded", decide } };
  }

  /** A call that was cut off by a crash or a person was made again: it is passed over. */
  async #answer(call: ModelCall): Promise<ModelAnswer> {
    const { calls, prompts } = this.#cassette;
    while (isCutOff(calls[this.#calls])) this.#calls++;
    const index = this.#calls++;
    const recorded = calls[index];
    if (recorded === undefined) return this.#stop(call, "a model call that was not recorded");
    const difference = differenceFrom(call, prompts[recorded.base], this.#prompts[index] ?? []);
    if (difference !== undefined) return this.#stop(call, difference);
    await this.#tellBefore(index + 1, call);
    const { error, answer } = recorded;
    if (error !== undefined) throw Object.assign(new Error(error.message), { code: error.code, retryable: error.retryable });
    return answer ?? this.#stop(call, "a model call without an answer");
  }

  #stop({ step }: ModelCall, difference: string): never {
    this.differs(`step ${step + 1}: ${difference}`);
    throw Object.assign(new Error(difference), { retryable: false });
  }

  async #tellBefore(next: number, { run, step }: ModelCall): Promise<void> {
    for (const [i, { before, entry }] of this.#cassette.told.entries()) {
      if (before !== next || (entry.kind !== "steer" && entry.kind !== "extend" && entry.kind !== "compact")) continue;
      const bound = entry.kind === "extend" ? entry : { ...entry, afterStep: entry.afterStep ?? step + 1 };
      await this.executor?.send(run, bound, { id: `told-${i}` });
    }
  }

  /** The tool as it is, with what was recorded in place of what it does. */
  played(tool: Tool): Tool {
    if (this.#executed.has(tool.name)) return this.#compared(tool);
    return {
      ...withoutReconcile(tool),
      execute: async (_input, { call }) => {
        const recorded = this.#resultOf(call, tool.name);
        if (recorded.outcome === "unknown") throw new UnknownOutcomeError("as it was recorded");
        return recorded.output;
      },
      toOutput: (result) => result as ToolOutput,
    };
  }

  #compared(tool: Tool): Tool {
    return {
      ...tool,
      execute: async (input, context) => {
        const result = await tool.execute(input, context);
        const { output } = this.#resultOf(context.call, tool.name);
        const now = typeof result === "string" ? result : ((JSON.parse(JSON.stringify(result ?? "")) as JsonValue) ?? "");
        if (canonical(now) !== canonical(output.value as JsonValue))
          this.differs(`call ${context.call}: ${tool.name} gave ${shorten(now)} instead of ${shorten(output.value)}`);
        return result;
      },
    };
  }

  #resultOf(call: string, name: string): Cassette["results"][string] {
    const recorded = this.#cassette.results[call];
    if (recorded !== undefined && recorded.name === name) return recorded;
    this.differs(`call ${call}: ${name} was not called there`);
    throw new Error(`no result of ${name} was recorded for call ${call}`);
  }

  standIn({ name, description, inputSchema, effect, onUnknown }: ToolSnapshot): Tool {
    const validate: Tool["validate"] = (value) => ({ ok: true, value });
    const asked = this.#cassette.told.flatMap(({ entry }) => ("approval" in entry ? [entry.approval] : []));
    const approval: NonNullable<Tool["approval"]> = (_input, { run, call }) => asked.includes(`${run}:${call}`);
    const tool = { name, description, inputSchema, effect, onUnknown, approval, visibility: "public" as const, validate };
    const pinned = Object.values(this.#cassette.results).filter((result) => result.name === name && result.pinned === true);
    const pins: NonNullable<Tool["pins"]> = (input) =>
      pinned.some((one) => canonical(one.input) === canonical(input as JsonValue));
    return this.played({ ...tool, pins, execute: () => Promise.reject(new Error("not recorded")) });
  }
}

/** What was recorded of a call is all there is to know. */
function withoutReconcile(tool: Tool): Tool {
  const copy: { reconcile?: unknown } & Tool = { ...tool };
  delete copy.reconcile;
  return copy;
}

const FREE = { input: 0, output: 0, asOf: "2026-01-01" };

function isCutOff(call: RecordedCall | undefined): boolean {
  return call !== undefined && call.answer === undefined && call.error === undefined;
}

/** The agent as it is, with tools that do what was recorded; in its phases too. */
async function withRecordedTools(cassette: Cassette, { agent, tools = [] }: PlaybackOptions, tape: Tape): Promise<Agent> {
  const { delegates: _delegates, skills: _skills, sources: _sources, mcpServers: _servers, phases, ...rest } = agent;
  const here = new Map(tools.map((tool) => [tool.name, tool]));
  const sources = (cassette.sourceTools ?? []).flatMap(({ source }) => (source === undefined ? [] : [source]));
  const own = await playedTools(agent, { here, recorded: cassette.tools, sources, tape });
  const used = new Set(own.map((tool) => (typeof tool === "string" ? tool : tool.name)));
  // What the agent had then and has no more is a change; the others came with the request.
  for (const snapshot of cassette.tools.slice(cassette.ownTools)) {
    if (!used.has(snapshot.name)) tape.extra.push(tape.standIn(snapshot));
  }
  for (const snapshot of cassette.sourceTools ?? []) tape.extra.push(tape.standIn(snapshot));
  if (phases === undefined) return { ...rest, tools: own };
  const played = phases.map(async (phase): Promise<Phase> => {
    if (phase.tools === undefined) return phase;
    const recorded = cassette.phases?.find(({ name }) => name === phase.name)?.tools ?? [];
    return { ...phase, tools: await playedTools(agentInPhase(agent, phase), { here, recorded, sources, tape }) };
  });
  return { ...rest, tools: own, phases: await Promise.all(played) };
}

interface KnownTools {
  readonly here: ReadonlyMap<string, Tool>;
  readonly recorded: readonly ToolSnapshot[];
  /** Theirs are stood in for, whatever names or patterns they were chosen by. */
  readonly sources: readonly string[];
  readonly tape: Tape;
}

/** A name stays that is neither here nor recorded, for the executor to refuse. */
async function playedTools(agent: Agent, { here, recorded, sources, tape }: KnownTools): Promise<readonly (string | Tool)[]> {
  const isFromSource = (tool: string): boolean => sources.some((source) => tool.startsWith(`${source}__`));
  const wanted = [
    ...(agent.tools ?? []).filter(
      (tool) => typeof tool !== "string" || (delegatesNamedBy(tool) === undefined && !isFromSource(tool)),
    ),
    ...(await delegatesAsTools(recorded, agent, tape)),
  ];
  const snapshots = new Map(recorded.map((tool) => [tool.name, tool]));
  const names = wanted.filter((tool) => typeof tool === "string");
  const settled = settleNames(names, [...here.keys(), ...snapshots.keys()]).names.map((name) => {
    const [tool, snapshot] = [here.get(name), snapshots.get(name)];
    if (tool !== undefined) return tape.played(tool);
    return snapshot === undefined ? name : tape.standIn(snapshot);
  });
  return [...settled, ...wanted.filter((tool) => typeof tool !== "string").map((tool) => tape.played(tool))];
}

/** No other run is started: what theirs came to is what was recorded. Delegates of a palette that is not here are stood in for. */
async function delegatesAsTools(recorded: readonly ToolSnapshot[], agent: Agent, tape: Tape): Promise<readonly Tool[]> {
  const found: Tool[] = [];
  for (const delegate of delegatesOf(agent)) {
    if (typeof delegate !== "string") {
      const { name, instructions } = agent;
      const [tool] = await delegateTools({ name, instructions, delegates: [delegate] }, undefined, {});
      if (tool !== undefined) found.push(withoutDelegate(tool));
      continue;
    }
    const names = [delegate, `agent__${delegate}`, `skill__${delegate}`].map((name) => name.replaceAll(".", "_"));
    const snapshot = recorded.find((tool) => tool.delegate !== undefined && names.includes(tool.name));
    if (snapshot !== undefined) found.push(tape.standIn(snapshot));
    else tape.differs(`it may hand work to ${delegate}, and could not`);
  }
  return found;
}

function withoutDelegate(tool: Tool): Tool {
  const copy: { delegate?: unknown } & Tool = { ...tool };
  delete copy.delegate;
  return copy;
}

function promptsOf(calls: readonly RecordedCall[]): readonly (readonly Message[])[] {
  let messages: readonly Message[] = [];
  return calls.map(({ keep, add }) => (messages = [...messages.slice(0, keep), ...add]));
}

/** The first part of the prompt that is different. */
function differenceFrom(call: ModelCall, base: PromptBase | undefined, messages: readonly Message[]): string | undefined {
  if (base === undefined) return "no prompt was recorded";
  const [change] = changesBetween(toSnapshot(base), toSnapshot(call));
  if (change !== undefined) return change;
  const length = Math.max(messages.length, call.messages.length);
  for (let i = 0; i < length; i++) {
    const [was, is] = [messages[i], call.messages[i]];
    if (was !== undefined && is !== undefined && canonical(was as never) === canonical(is as never)) continue;
    return `message ${i + 1} is ${shorten(is)} instead of ${shorten(was)}`;
  }
  return undefined;
}

function toSnapshot({ instructions, settings, tools }: Pick<PromptBase, "instructions" | "settings" | "tools">): never {
  const told = tools.map(({ name, description, inputSchema }) => ({ name, description, inputSchema }));
  return { name: "", instructions, settings, tier: "", tools: told, ownTools: told.length } as never;
}

function shorten(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}
