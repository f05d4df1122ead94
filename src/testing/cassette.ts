/** A finished run as a recording that tests play back: what it was told, what its models and tools answered, how it ended. */
import { evolve, initialState } from "../kernel/evolve.ts";
import { outcomeOfChild } from "../kernel/children.ts";
import { canonical } from "../kernel/guards.ts";
import { toArray } from "../kernel/list.ts";
import type { RunState, Thread } from "../kernel/state.ts";
import type { PhaseSnapshot, ToolSnapshot } from "../ports/agent.ts";
import type { ModelSpending, RunEvent, RunStarted } from "../ports/events.ts";
import type { JsonValue } from "../ports/json.ts";
import type { Limits } from "../ports/limits.ts";
import type { Message, ToolOutput, UserPart } from "../ports/messages.ts";
import type { ModelAnswer, ModelSettings } from "../ports/models.ts";
import type { OutputSnapshot } from "../ports/output.ts";
import type { SupervisorDecided, SupervisorDecision } from "../ports/supervision.ts";
import type { InboxBody } from "../ports/store.ts";
import { promptOf } from "../run/prompt.ts";
import { threadOf } from "../run/thread.ts";
import { checkPlayable, notPlayable } from "./not-played.ts";

/** One prompt, without what it has in common with the one before. */
export interface RecordedPrompt {
  /** Index into `prompts`. */
  readonly base: number;
  /** Messages that stayed since the call before. */
  readonly keep: number;
  readonly add: readonly Message[];
}

export interface PromptBase {
  readonly instructions: string;
  readonly settings: ModelSettings;
  readonly tools: readonly { readonly name: string; readonly description: string; readonly inputSchema: JsonValue }[];
}

export interface RecordedCall extends RecordedPrompt {
  readonly step: number;
  readonly attempt: number;
  readonly model: string;
  /** Absent: the process died meanwhile, or the run gave it up. */
  readonly answer?: ModelAnswer;
  readonly error?: { readonly message: string; readonly code: string; readonly retryable: boolean };
}

export interface RecordedTool {
  readonly name: string;
  readonly input: JsonValue;
  readonly outcome: "ok" | "error" | "unknown";
  readonly output: ToolOutput;
  /** It stays in a conversation that is shortened. */
  readonly pinned?: true;
}

/** A summary that was made, or why none was. */
export type RecordedCompaction = { readonly spent?: ModelSpending } & (
  | { readonly summary: string; readonly keep: number }
  | { readonly error: string }
);

/** What a phase has of its own: the models of its tier, and its tools where it lists some. */
export type RecordedPhase = Pick<PhaseSnapshot, "name" | "tier" | "models" | "tools">;

export interface Cassette {
  readonly version: 1;
  readonly run: string;
  readonly agent: string;
  readonly input: readonly UserPart[];
  /** What was said before, by the runs that it goes on from, too. */
  readonly history: readonly Message[];
  readonly caller?: string;
  readonly limits: Limits;
  readonly models: readonly string[];
  readonly tools: readonly ToolSnapshot[];
  /** How many of them, from the first, were the agent's own. */
  readonly ownTools: number;
  readonly phases?: readonly RecordedPhase[];
  /** What the request asked for instead of the agent. */
  readonly output?: OutputSnapshot;
  readonly settings?: ModelSettings;
  readonly prompts: readonly PromptBase[];
  readonly calls: readonly RecordedCall[];
  /** By `step.ordinal`. */
  readonly results: Readonly<Record<string, RecordedTool>>;
  /** Tools that its tool sources brought. */
  readonly sourceTools?: readonly ToolSnapshot[];
  /** Context windows by model, where its conversation could be shortened. */
  readonly windows?: Readonly<Record<string, number>>;
  readonly compactions?: readonly RecordedCompaction[];
  /** What a supervisor decided, stall by stall. */
  readonly decisions?: readonly SupervisorDecision[];
  /** What the run was told, and before which model call. */
  readonly told: readonly { readonly before: number; readonly entry: InboxBody }[];
  readonly end: { readonly status: string; readonly output: string };
}

/**
 * The recording of a run. A follow-up begins with the conversation of its thread, so that needs the journals of the runs before it, in any
 * order. Throws `not_supported` for a run that has not ended, or that did something that cannot be played back.
 *
 * @example
 * const first = await store.journal.read("first");
 * const cassette = toCassette(await store.journal.read("second"), [first]);
 */
export function toCassette(events: readonly RunEvent[], before: readonly (readonly RunEvent[])[] = []): Cassette {
  const [first] = events;
  if (first?.type !== "run.started") throw notPlayable("", "its journal is empty");
  const end = checkPlayable(first.run, events);
  if (filesOf(first) > 0) throw notPlayable(first.run, "files were attached");
  const thread = threadBefore(first, before);
  const recorder = new Recorder(initialState(first, first, thread));
  for (const event of events.slice(1)) recorder.record(event);
  if (recorder.recorded.told.some(({ before }) => before === 0))
    throw notPlayable(first.run, "it was told something before its first step");
  const { request, agent, limits, models, windows } = first;
  return {
    version: 1,
    run: first.run,
    agent: agent.name,
    input: request.input,
    history: [...toArray(thread.messages), ...(request.history ?? [])],
    ...(request.caller === undefined ? {} : { caller: request.caller }),
    limits,
    models,
    tools: agent.tools,
    ownTools: agent.ownTools,
    ...ownWords(first),
    ...(windows === undefined ? {} : { windows }),
    ...recorder.recorded,
    end: { status: end, output: recorder.state.output },
  };
}

function ownWords({
  agent: { phases },
  request: { output, settings },
}: RunStarted): Pick<Cassette, "phases" | "output" | "settings"> {
  return {
    ...(phases === undefined ? {} : { phases: phases.map(toPhase) }),
    ...(output === undefined ? {} : { output }),
    ...(settings === undefined ? {} : { settings }),
  };
}

function toPhase({ name, tier, models, tools }: PhaseSnapshot): RecordedPhase {
  return { name, tier, models, ...(tools === undefined ? {} : { tools }) };
}

function filesOf({ request: { attachments = [], continues } }: RunStarted): number {
  return attachments.length + (continues?.files ?? 0);
}

/** A thread is a conversation like one that a request brings along. */
function threadBefore({ run, request }: RunStarted, given: readonly (readonly RunEvent[])[]): Thread {
  const journals = new Map(given.flatMap((events) => (events[0]?.type === "run.started" ? [[events[0].run, events]] : [])));
  const thread: (readonly RunEvent[])[] = [];
  for (let at = request.continues; at !== undefined;) {
    const events = journals.get(at.run)?.slice(0, at.seq + 1) ?? [];
    const [first] = events;
    if (first?.type !== "run.started" || events.length <= at.seq)
      throw notPlayable(run, `it goes on from the run ${at.run}, whose journal is not here`, THREAD_HINT);
    journals.delete(at.run);
    thread.push(events);
    at = first.request.continues;
  }
  return threadOf(thread);
}

const THREAD_HINT = "Give the journals of the runs before it as well; `executus store export RUN` has them all.";

const UNKNOWN: ToolOutput = { type: "error-text", value: "unknown" };

class Recorder {
  state: RunState;
  readonly #prompts: PromptBase[] = [];
  readonly #calls: RecordedCall[] = [];
  readonly #results: Record<string, RecordedTool> = {};
  readonly #told: { readonly before: number; readonly entry: InboxBody }[] = [];
  readonly #sourceTools: ToolSnapshot[] = [];
  readonly #compactions: RecordedCompaction[] = [];
  readonly #decisions: SupervisorDecision[] = [];
  #messages: readonly Message[] = [];

  constructor(state: RunState) {
    this.state = state;
  }

  get recorded(): Pick<Cassette, "prompts" | "calls" | "results" | "told" | "sourceTools" | "compactions" | "decisions"> {
    const all = <T>(name: string, list: readonly T[]) => (list.length === 0 ? {} : { [name]: list });
    return {
      prompts: this.#prompts,
      calls: this.#calls,
      results: this.#results,
      ...all("sourceTools", this.#sourceTools),
      ...all("compactions", this.#compactions),
      ...all("decisions", this.#decisions),
      told: this.#told,
    };
  }

  record(event: RunEvent): void {
    const before = this.state;
    this.state = evolve(before, event, event);
    switch (event.type) {
      case "model.started":
        return this.#asked(event);
      case "model.answered": {
        const { content, finish, usage } = event;
        return this.#heard({ answer: { content, finish, usage } });
      }
      case "model.failed":
        return this.#heard({ error: { ...event.error, retryable: event.retryable } });
      case "tool.ended":
        return this.#ended(before, event);
      case "tool.interrupted":
        return this.#ended(before, { ...event, type: "tool.ended", outcome: "unknown", output: UNKNOWN });
      case "child.ended":
        return this.#ended(before, { ...event, type: "tool.ended", outcome: outcomeOfChild(event) });
      default:
        this.#beside(event);
    }
  }

  /** What came from ports beside models and tools, and from people. */
  #beside(event: RunEvent): void {
    switch (event.type) {
      case "source.opened":
        this.#sourceTools.push(...(event.tools ?? []));
        return;
      case "context.compacted": {
        const { summary, keep, spent } = event;
        this.#compactions.push({ summary, keep, ...(spent === undefined ? {} : { spent }) });
        return;
      }
      case "compaction.failed": {
        const { error, spent } = event;
        this.#compactions.push({ error: error.message, ...(spent === undefined ? {} : { spent }) });
        return;
      }
      case "supervisor.decided":
        this.#decisions[event.stall] = toDecision(event);
        return;
      default: {
        const entry = toEntry(event);
        if (entry !== undefined) this.#told.push({ before: this.#calls.length, entry });
      }
    }
  }

  #asked({ step, attempt, model }: Extract<RunEvent, { type: "model.started" }>): void {
    const { instructions, settings, tools } = promptOf(this.state, { step, attempt, toolChoice: "auto" });
    const base = {
      instructions,
      settings,
      tools: tools.map(({ name, description, inputSchema }) => ({ name, description, inputSchema })),
    };
    const known = this.#prompts.findIndex((prompt) => canonical(prompt as never) === canonical(base as never));
    const index = known < 0 ? this.#prompts.push(base) - 1 : known;
    const messages = toArray(this.state.messages);
    let keep = 0;
    while (keep < messages.length && keep < this.#messages.length && messages[keep] === this.#messages[keep]) keep++;
    this.#messages = messages;
    this.#calls.push({ step, attempt, model, base: index, keep, add: messages.slice(keep) });
  }

  #heard(what: Pick<RecordedCall, "answer" | "error">): void {
    const last = this.#calls.pop();
    if (last !== undefined) this.#calls.push({ ...last, ...what });
  }

  #ended({ calls }: RunState, { call, outcome, output, pinned }: Extract<RunEvent, { type: "tool.ended" }>): void {
    const ended = calls.find(({ id }) => id === call);
    if (ended === undefined || (outcome !== "ok" && outcome !== "error" && outcome !== "unknown")) return;
    this.#results[call] = { name: ended.name, input: ended.input, outcome, output, ...(pinned === true ? { pinned } : {}) };
  }
}

function toDecision({
  action,
  reason,
  by,
  message = "",
  question = "",
  extend = {},
  usage,
  costUsd,
}: SupervisorDecided): SupervisorDecision {
  const spent = usage === undefined ? {} : { usage, ...(costUsd === undefined ? {} : { costUsd }) };
  const said = { reason, by, ...spent };
  if (action === "nudge") return { action, message, ...said };
  if (action === "ask") return { action, question, ...said };
  return action === "extend" ? { action, extend, ...said } : { action, ...said };
}

function toAnswer({ decision, approval, note, input, always }: Extract<RunEvent, { type: "approval.answered" }>): InboxBody {
  const said = note === undefined ? {} : { note };
  if (decision === "denied") return { kind: "deny", approval, ...said };
  const more = { ...(input === undefined ? {} : { input }), ...(always === true ? { always } : {}) };
  return { kind: "approve", approval, ...said, ...more };
}

/** What a person said, as it was sent. */
function toEntry(event: RunEvent): InboxBody | undefined {
  switch (event.type) {
    case "steer.received": {
      const { content, afterStep } = event;
      return { kind: "steer", content, ...(afterStep === undefined ? {} : { afterStep }) };
    }
    case "limits.extended": {
      const { steps, timeMs, tokens, costUsd } = event;
      const more = Object.entries({ steps, timeMs, tokens, costUsd }).filter(([, value]) => value !== undefined);
      return { kind: "extend", ...Object.fromEntries(more) };
    }
    case "call.resolved": {
      const { call, outcome, output } = event;
      return { kind: "resolve", call, outcome, ...(output === undefined ? {} : { output }) };
    }
    case "question.answered":
      // A tool's question is part of what the tool did.
      if (event.call !== undefined || event.answer === undefined) return undefined;
      return { kind: "answer", question: event.question, answer: event.answer };
    case "compaction.requested": {
      const { id, instructions, afterStep } = event;
      if (id === undefined) return undefined;
      return {
        kind: "compact",
        ...(instructions === undefined ? {} : { instructions }),
        ...(afterStep === undefined ? {} : { afterStep }),
      };
    }
    case "approval.answered":
      if (event.by !== "person") return undefined;
      return toAnswer(event);
    default:
      return undefined;
  }
}
