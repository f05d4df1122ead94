import { ExecutusError, nearest } from "../../kernel/errors.ts";
import type { ToolOutput } from "../../ports/messages.ts";
import type { ApprovalContext, ApprovalPolicy, ApprovalVerdict, Suspension, Wake } from "../../ports/waiting.ts";
import type { Reconciliation, Tool, ToolContext, ToolEffect, ToolVisibility, UnknownPolicy } from "../../ports/tools.ts";
import { invalid, readInput } from "./input-schema.ts";
import { isolate, type Isolation } from "./isolated-tool.ts";
import type { InferInput } from "./schema-types.ts";

/** A tool as it is written down: what the model sees, what a crash in the middle means, and the code. */
export interface ToolDefinition<Schema extends object, Result> {
  /** 1-64 of `A-Z a-z 0-9 _ -`; the prefixes `skill__` and `agent__` are reserved. */
  readonly name: string;
  /** What it does and when to use it, for the model. */
  readonly description: string;
  /** Standard Schema (zod 4, valibot, ArkType), TypeBox or JSON Schema of the arguments, which are always an object. */
  readonly input: Schema;
  /** JSON Schema of `input`, for a Standard Schema that cannot tell it itself (zod/mini, plain valibot). */
  readonly jsonSchema?: object;
  /** What a crash during a call means: run again (`read`, `idempotent`) or never silently repeat. Default `once`. */
  readonly effect?: ToolEffect;
  /** What happens to a `once` call whose outcome is unknown. Default `report`: the model is told. */
  readonly onUnknown?: UnknownPolicy;
  /** `private` tools are used only by agents that name them and are never listed. Default `public`. */
  readonly visibility?: ToolVisibility;
  /** Default: the run's `toolTimeoutMs`. */
  readonly timeoutMs?: number;
  /** Calls under way at once in a run. Default: the run's `parallelCalls`. */
  readonly concurrency?: number;
  /** What the model is given of a result, in bytes of UTF-8; the whole result is kept as a file. Default and most: 256 KB. */
  readonly outputBytes?: number;
  /** Meant to be called again and again until something has changed: no guard takes that for a loop. Default false. */
  readonly polling?: boolean;
  /** Whether a person must approve a call before it runs. A function that throws asks. Default `never`. */
  readonly approval?: ApprovalOf<InferInput<Schema>>;
  /**
   * `import.meta.url` of the module that makes this tool at its top level: `execute`, `resume` and `reconcile` then run in a thread,
   * which is ended when they ignore their signal for the grace time, whatever they do. Default: they run here.
   */
  readonly isolated?: string | URL | Isolation;
  /**
   * A thrown error is told to the model as the call's result. Returning `context.ask()`, `.waitFor()` or `.sleep()` ends the
   * execution and has the call wait; it is not run again from the start.
   */
  readonly execute: (input: InferInput<Schema>, context: ToolContext) => Promise<Result | Suspension> | Result | Suspension;
  /** The result of a call that waited, from what woke it. Default: what woke it is the result. */
  readonly resume?: (
    input: InferInput<Schema>,
    wake: Wake,
    context: ToolContext,
  ) => Promise<Result | Suspension> | Result | Suspension;
  /** Find out what became of a `once` call that was interrupted, by its `idempotencyKey`. */
  readonly reconcile?: (input: InferInput<Schema>, context: ToolContext) => Promise<Reconciliation> | Reconciliation;
  /** How a result is shown to the model. Default: text stays text, anything else is JSON. */
  readonly toOutput?: (result: Result, input: InferInput<Schema>, toolCallId: string) => Promise<ToolOutput> | ToolOutput;
}

type ApprovalOf<Input> =
  | Exclude<ApprovalPolicy, (...args: never) => unknown>
  | ((input: Input, context: ApprovalContext) => ApprovalVerdict | Promise<ApprovalVerdict>);

const KEYS = {
  name: true,
  description: true,
  input: true,
  jsonSchema: true,
  effect: true,
  onUnknown: true,
  visibility: true,
  timeoutMs: true,
  concurrency: true,
  outputBytes: true,
  approval: true,
  polling: true,
  isolated: true,
  execute: true,
  resume: true,
  reconcile: true,
  toOutput: true,
} as const satisfies Record<keyof ToolDefinition<object, unknown>, true>;

const EFFECTS: readonly ToolEffect[] = ["read", "idempotent", "once"];
const POLICIES: readonly UnknownPolicy[] = ["report", "ask", "rerun"];
const VISIBILITIES: readonly ToolVisibility[] = ["public", "private"];

/**
 * Checks a tool and makes it ready to be given to an agent. Arguments are checked against `input` before `execute` sees them;
 * it gets the parsed value. Throws ExecutusError `tool_invalid`, naming the tool; what is wrong inside a JSON Schema is told when a
 * run with the tool is started, because only then is its validator loaded.
 *
 * @example
 * const weather = defineTool({
 *   name: "weather",
 *   description: "Current weather of a city.",
 *   input: z.object({ city: z.string() }),
 *   effect: "read",
 *   execute: ({ city }) => `It is sunny in ${city}.`,
 * });
 */
export function defineTool<const Schema extends object, Result>(definition: ToolDefinition<Schema, Result>): Tool {
  const name = checkToolName(givenIn(definition).name);
  checkDefinition(name, definition);
  const { effect = "once", onUnknown = "report", visibility = "public", timeoutMs, concurrency, outputBytes } = definition;
  const { approval, execute, resume, reconcile, toOutput } = definition;
  const { jsonSchema, ...checks } = readInput(name, definition.input, definition.jsonSchema);
  type Input = InferInput<Schema>;
  const tool: Tool = {
    name,
    description: definition.description,
    inputSchema: jsonSchema,
    effect,
    onUnknown,
    visibility,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(outputBytes === undefined ? {} : { outputBytes }),
    ...(definition.polling === true && { polling: true }),
    ...checks,
    // Async, so that a tool that throws at once rejects like any other.
    execute: async (input, context) => execute(input as Input, context),
    ...(approval !== undefined && { approval: approval as ApprovalPolicy }),
    ...(resume && { resume: async (input, wake, context) => resume(input as Input, wake, context) }),
    ...(reconcile && { reconcile: async (input, context) => reconcile(input as Input, context) }),
    ...(toOutput && { toOutput: (result, input, id) => toOutput(result as Result, input as Input, id) }),
  };
  return isolate(tool, definition.isolated);
}

function givenIn<Given>(definition: Given): Given {
  if (typeof definition === "object" && definition !== null) return definition;
  throw new ExecutusError("tool_invalid", "That is not a tool.", { hint: "Give an object with `name` and `execute`." });
}

/** Returns the name, or throws `tool_invalid`. */
export function checkToolName(name: unknown): string {
  if (typeof name !== "string" || !/^[A-Za-z0-9_-]{1,64}$/.test(name)) {
    const shown = typeof name === "string" ? JSON.stringify(name) : String(name);
    throw invalid(shown, "that is not a name for a tool", "Use 1 to 64 of A-Z a-z 0-9 _ -, which every provider takes.");
  }
  if (/^(skill|agent)__/.test(name)) {
    throw invalid(name, "the prefixes skill__ and agent__ are reserved for delegates", "Give the tool another name.");
  }
  return name;
}

interface Unchecked extends ToolOptions {
  readonly description: unknown;
  readonly execute: unknown;
  readonly reconcile?: unknown;
  readonly resume?: unknown;
  readonly approval?: unknown;
}

function checkDefinition(name: string, definition: Unchecked): void {
  checkKeys(name, definition);
  const { description, execute, reconcile } = definition;
  if (typeof description !== "string" || description.trim() === "") {
    throw invalid(name, "it has no description", "Say in `description` what it does: the model chooses by it.");
  }
  if (typeof execute !== "function") throw invalid(name, "it has no `execute` function", "Give the function that does the work.");
  checkOptions(name, definition);
  checkApproval(name, definition.approval);
  if (definition.resume !== undefined && typeof definition.resume !== "function") {
    throw invalid(name, "`resume` is not a function", "Give the function that makes the result from what woke the call.");
  }
  if (reconcile !== undefined && (definition.effect ?? "once") !== "once") {
    const hint = "Leave `reconcile` out, or declare the tool `once`.";
    throw invalid(name, `\`reconcile\` is never asked for a tool of effect ${definition.effect}, which simply runs again`, hint);
  }
}

/** A policy that is misspelt must not let anything through. */
function checkApproval(name: string, approval: unknown): void {
  if (approval === undefined || approval === "always" || approval === "never" || typeof approval === "function") return;
  if (typeof approval === "object" && approval !== null && "required" in approval && typeof approval.required === "boolean")
    return;
  const hint = 'Use "always", "never", { required: true, reason, deadlineMs, onDeadline }, or a function of the input.';
  throw invalid(name, `\`approval\` is ${JSON.stringify(approval)}`, hint);
}

function checkKeys(name: string, definition: object): void {
  for (const key of Object.keys(definition)) {
    if (Object.hasOwn(KEYS, key)) continue;
    const near = nearest(key, Object.keys(KEYS));
    const hint = near === undefined ? `Known fields: ${Object.keys(KEYS).join(", ")}.` : `Did you mean \`${near}\`?`;
    throw invalid(name, `\`${key}\` is not a field of a tool`, hint);
  }
}

/** The options that `defineTool` and `fromAiSdkTool` share. */
export function checkOptions(name: string, options: ToolOptions): void {
  oneOf(name, "effect", options.effect, EFFECTS);
  oneOf(name, "onUnknown", options.onUnknown, POLICIES);
  flag(name, "polling", options.polling);
  oneOf(name, "visibility", options.visibility, VISIBILITIES);
  positive(name, "timeoutMs", options.timeoutMs);
  positive(name, "concurrency", options.concurrency);
  positive(name, "outputBytes", options.outputBytes);
}

/** What can be said about any tool besides what it is. */
export type ToolOptions = Partial<
  Pick<Tool, "effect" | "onUnknown" | "visibility" | "timeoutMs" | "concurrency" | "outputBytes" | "polling">
>;

function oneOf(name: string, field: string, value: unknown, allowed: readonly string[]): void {
  if (value === undefined || (typeof value === "string" && allowed.includes(value))) return;
  throw invalid(name, `\`${field}\` is ${JSON.stringify(value)}`, `Use one of ${allowed.map((word) => `"${word}"`).join(", ")}.`);
}

function flag(name: string, field: string, value: unknown): void {
  if (value === undefined || typeof value === "boolean") return;
  throw invalid(name, `\`${field}\` is ${JSON.stringify(value)}`, "Use true or false, or leave it out.");
}

function positive(name: string, field: string, value: unknown): void {
  if (value === undefined || (typeof value === "number" && Number.isInteger(value) && value > 0)) return;
  throw invalid(name, `\`${field}\` is ${JSON.stringify(value)}`, "Use a whole number above 0, or leave it out.");
}
