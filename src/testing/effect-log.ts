/** What calls of tools did, as seen from outside the runs: begun, finished, and by which attempt. The oracle of crash tests. */
import { isSuspension } from "../kernel/suspension.ts";
import type { Mutable } from "../ports/mutable.ts";
import type { Agent } from "../ports/definition.ts";
import type { Delegates, Skill } from "../ports/delegates.ts";
import type { SourceUse, ToolSource } from "../ports/tool-source.ts";
import type { Reconciliation, Tool, ToolContext, ToolEffect, Tools, UnknownPolicy } from "../ports/tools.ts";

/** One go at one call. */
export interface LoggedEffect {
  readonly tool: string;
  readonly effect: ToolEffect;
  readonly onUnknown: UnknownPolicy;
  readonly run: string;
  readonly call: string;
  readonly key: string;
  readonly attempt: number;
  /** Which function of the tool. */
  readonly part: "execute" | "resume" | "reconcile";
  /** `cut`: its process stopped meanwhile, so nobody knows how far it came. */
  readonly outcome: "begun" | "finished" | "failed" | "cut";
  /** Of a `reconcile` that came back. */
  readonly found?: "done" | "not-done" | "unknown";
  /** It came back to wait: what wakes it is a `resume` of its own. */
  readonly suspended?: true;
}

export interface EffectLog {
  /** In the order in which they began. */
  readonly effects: readonly LoggedEffect[];
  /** Calls under way. */
  readonly underWay: number;
  /** The same tool, logged. */
  tool(tool: Tool): Tool;
  /** The same agent with its tools, those of its phases, sources and delegates logged; tools that it only names are not. */
  agent(agent: Agent): Agent;
  source(source: ToolSource): ToolSource;
  /** A registry, and a palette, whose tools are logged. */
  tools(tools: Tools): Tools;
  delegates(delegates: Delegates): Delegates;
  /** The process of all calls under way stops: they are `cut`, whatever they do from now on. */
  cut(): void;
  /**
   * Goes at `once` calls that came after an earlier one of the same call and were not asked for: neither by `onUnknown: "rerun"` nor
   * by a `reconcile` that found an unfinished one not done.
   */
  repeated(): readonly LoggedEffect[];
  /** Goes at calls of any class that had been finished before: done, but their results were lost. */
  rerunAfterFinished(): readonly LoggedEffect[];
  /** Goes of a `reconcile` that found a call done which had never begun. */
  madeUp(): readonly LoggedEffect[];
  /** Goes whose idempotency key is not that of an earlier go at the same call, or is that of another call. */
  wrongKeys(): readonly LoggedEffect[];
}

type Entry = Mutable<LoggedEffect>;

/**
 * @example
 * const log = effectLog();
 * await executor.run(log.agent(agent), "Pay the bill");
 * assert.deepEqual(log.repeated(), []);
 */
export function effectLog(): EffectLog {
  return effectLogAround(async (work) => work());
}

/** What is done for a run beside calls: it may take real time. */
export type Around = <T>(work: () => Promise<T> | T) => Promise<T>;

/** What else tools and sources do goes through `around`. */
export function effectLogAround(around: Around): EffectLog {
  const effects: Entry[] = [];
  const wrap: Wrap = {
    tool: (tool) => aroundTool(logged(effects, tool), around),
    source: (source) => aroundSource(loggedSource(wrap, source), around),
  };
  return {
    effects,
    get underWay() {
      return effects.filter(({ outcome }) => outcome === "begun").length;
    },
    ...wrap,
    agent: (agent) => loggedAgent(wrap, agent),
    tools: (registry) => ({
      ...registry,
      resolve: async (names, invocation) => (await registry.resolve(names, invocation)).map(wrap.tool),
    }),
    delegates: (palette) => ({
      ...palette,
      resolve: async (names, invocation) =>
        (await palette.resolve(names, invocation)).map((found) => (isSkill(found) ? found : loggedAgent(wrap, found))),
    }),
    cut: () => {
      for (const entry of effects) if (entry.outcome === "begun") entry.outcome = "cut";
    },
    repeated: () => effects.filter((entry, i) => isRepeated(entry, effects.slice(0, i))),
    rerunAfterFinished: () =>
      effects.filter((entry, i) => earlierOf(entry, effects.slice(0, i)).some(({ outcome }) => outcome === "finished")),
    madeUp: () =>
      effects.filter(
        (entry, i) =>
          entry.found === "done" && !effects.slice(0, i).some((other) => isSameCall(entry, other) && other.part !== "reconcile"),
      ),
    wrongKeys: () =>
      effects.filter((entry, i) => effects.slice(0, i).some((other) => isSameCall(entry, other) !== (entry.key === other.key))),
  };
}

interface Wrap {
  readonly tool: (tool: Tool) => Tool;
  readonly source: (source: ToolSource) => ToolSource;
}

const isSkill = (delegate: Agent | Skill): delegate is Skill => "kind" in delegate;

function loggedAgent(wrap: Wrap, agent: Agent): Agent {
  const { tools, delegates, sources, phases } = agent;
  const toolsOf = (given: readonly (string | Tool)[]) => given.map((tool) => (typeof tool === "string" ? tool : wrap.tool(tool)));
  const sourceOf = (source: string | SourceUse | ToolSource) =>
    typeof source === "string" || !("open" in source) ? source : wrap.source(source);
  const delegateOf = (delegate: string | Agent | Skill) =>
    typeof delegate === "string" || isSkill(delegate) ? delegate : loggedAgent(wrap, delegate);
  return {
    ...agent,
    ...(tools === undefined ? {} : { tools: toolsOf(tools) }),
    ...(delegates === undefined ? {} : { delegates: delegates.map(delegateOf) }),
    ...(sources === undefined ? {} : { sources: sources.map(sourceOf) }),
    ...(phases === undefined
      ? {}
      : { phases: phases.map((phase) => (phase.tools === undefined ? phase : { ...phase, tools: toolsOf(phase.tools) })) }),
  };
}

function loggedSource(wrap: Wrap, source: ToolSource): ToolSource {
  return {
    ...source,
    open: async (context) => {
      const opened = await source.open(context);
      return { ...opened, tools: opened.tools.map(wrap.tool) };
    },
  };
}

function aroundSource(source: ToolSource, around: Around): ToolSource {
  const cleanup = source.cleanup?.bind(source);
  return {
    ...source,
    open: async (context) => {
      const opened = await around(() => source.open(context));
      const [afterRun, close] = [opened.afterRun?.bind(opened), opened.close?.bind(opened)];
      return {
        ...opened,
        ...(afterRun === undefined ? {} : { afterRun: (ending) => around(() => afterRun(ending)) }),
        ...(close === undefined ? {} : { close: () => around(() => close()) }),
      };
    },
    ...(cleanup === undefined ? {} : { cleanup: (left) => around(() => cleanup(left)) }),
  };
}

function aroundTool(tool: Tool, around: Around): Tool {
  const { approval, lateSchema } = tool;
  const toOutput = tool.toOutput?.bind(tool);
  return {
    ...tool,
    ...(lateSchema === undefined ? {} : { lateSchema: { read: () => around(() => lateSchema.read()) } }),
    validate: (value) => around(() => tool.validate(value)),
    ...(typeof approval === "function" ? { approval: (input, context) => around(() => approval(input, context)) } : {}),
    ...(toOutput === undefined ? {} : { toOutput: (result, input, id) => around(() => toOutput(result, input, id)) }),
  };
}

function logged(effects: Entry[], tool: Tool): Tool {
  const { name, effect, onUnknown } = tool;
  const go: Go = async (part, context, act) => {
    const { run, call, idempotencyKey: key, attempt } = context;
    const entry: Entry = { tool: name, effect, onUnknown, run, call, key, attempt, part, outcome: "begun" };
    effects.push(entry);
    const end = (outcome: "finished" | "failed"): void => {
      if (entry.outcome === "begun") entry.outcome = outcome;
    };
    try {
      const result = await act();
      if (part === "reconcile") entry.found = (result as { readonly outcome: NonNullable<Entry["found"]> }).outcome;
      if (isSuspension(result)) entry.suspended = true;
      end("finished");
      return result;
    } catch (error) {
      end("failed");
      throw error;
    }
  };
  return {
    ...tool,
    execute: (input, context) => go("execute", context, () => tool.execute(input, context)),
    ...resumed(tool, go),
    ...reconciled(tool, go),
  };
}

type Go = <T>(part: LoggedEffect["part"], context: ToolContext, act: () => Promise<T>) => Promise<T>;

function resumed(tool: Tool, go: Go): Pick<Tool, "resume"> {
  if (tool.resume === undefined) return {};
  const again: NonNullable<Tool["resume"]> = async (input, wake, context) => tool.resume?.(input, wake, context);
  return { resume: (input, wake, context) => go("resume", context, () => again(input, wake, context)) };
}

function reconciled(tool: Tool, go: Go): Pick<Tool, "reconcile"> {
  if (tool.reconcile === undefined) return {};
  const look = async (input: unknown, context: ToolContext): Promise<Reconciliation> =>
    (await tool.reconcile?.(input, context)) ?? { outcome: "unknown" };
  return { reconcile: (input, context) => go("reconcile", context, () => look(input, context)) };
}

function isSameCall(one: LoggedEffect, other: LoggedEffect): boolean {
  return one.run === other.run && one.call === other.call;
}

/** Earlier goes at the same part of the same call. A `resume` that waits once more is followed by one for what comes then. */
function earlierOf(entry: LoggedEffect, before: readonly LoggedEffect[]): readonly LoggedEffect[] {
  if (entry.part === "reconcile") return [];
  const goes = before.filter((other) => isSameCall(entry, other) && other.part === entry.part);
  return entry.part === "execute" ? goes : goes.slice(goes.findLastIndex(({ suspended }) => suspended === true) + 1);
}

function isRepeated(entry: LoggedEffect, before: readonly LoggedEffect[]): boolean {
  const last = earlierOf(entry, before).at(-1);
  if (last === undefined || entry.effect !== "once" || entry.onUnknown === "rerun") return false;
  const since = before.slice(before.indexOf(last) + 1).filter((other) => isSameCall(entry, other));
  const isFoundUndone = since.some(({ found }) => found === "not-done");
  return last.outcome === "finished" || !isFoundUndone;
}
