/** Takes AI SDK tools as they are. Only their shape is known here; the package `ai` is not needed. */
import type { Blobs } from "../../ports/blobs.ts";
import type { JsonValue } from "../../ports/json.ts";
import type { Tool, ToolContext, ToolInputCheck } from "../../ports/tools.ts";
import { toToolOutput } from "./ai-sdk-output.ts";
import { checkOptions, checkToolName, type ToolOptions } from "./define-tool.ts";
import { invalid, isStandardSchema, objectSchema, readInput, type ToolInput } from "./input-schema.ts";
import { describeProblems } from "./problems.ts";

/** The part of an AI SDK `tool()` or `dynamicTool()` object that is used. */
export interface AiSdkTool {
  readonly type?: string | undefined;
  readonly title?: unknown;
  readonly description?: unknown;
  readonly inputSchema?: unknown;
  readonly execute?: unknown;
  readonly toModelOutput?: unknown;
  readonly needsApproval?: unknown;
}

export interface AiSdkToolOptions extends ToolOptions {
  /** Where files of `toModelOutput` go; without it a result with bytes in it is an error. */
  readonly blobs?: Blobs;
  /** Handed to the tool as its `context`, and to a description that is a function. */
  readonly context?: unknown;
}

/**
 * Makes an AI SDK tool ready for an agent, unchanged. It is of effect `once` unless said otherwise. What streams (an
 * `AsyncIterable` result) counts by its last value. `execute` also gets `run`, `attempt` and `idempotencyKey`; `messages` is
 * empty and the `onInput...` callbacks are not called: a tool that needs those is better written with `defineTool`. With
 * `needsApproval` a person is asked before a call runs. Throws ExecutusError `tool_invalid` (no `execute`, a schema that cannot be
 * read), naming the tool.
 *
 * @example
 * const search = fromAiSdkTool("search", tool({ description, inputSchema: z.object({ text: z.string() }), execute }), { effect: "read" });
 */
export function fromAiSdkTool(name: string, tool: AiSdkTool, options: AiSdkToolOptions = {}): Tool {
  checkToolName(name);
  checkOptions(name, options);
  const execute = executeOf(name, tool);
  const { toModelOutput } = tool;
  const {
    effect = "once",
    onUnknown = "report",
    visibility = "public",
    timeoutMs,
    concurrency,
    outputBytes,
    context,
    blobs,
  } = options;
  const { jsonSchema, ...checks } = readFlexibleSchema(name, tool.inputSchema);
  return {
    name,
    description: describe(name, tool, context),
    inputSchema: jsonSchema,
    effect,
    onUnknown,
    visibility,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(outputBytes === undefined ? {} : { outputBytes }),
    ...(options.polling === true && { polling: true }),
    ...checks,
    ...approvalOf(name, tool, context),
    execute: async (input, call) => lastValue(await execute.call(tool, input, executionOptions(call, context)), call.signal),
    ...(isFunction(toModelOutput) && {
      toOutput: async (output, input, toolCallId) =>
        toToolOutput(name, await toModelOutput.call(tool, { toolCallId, input, output }), blobs),
    }),
  };
}

/** All tools of an AI SDK tool set, by their keys. */
export function toolsFromAiSdk(tools: Readonly<Record<string, AiSdkTool>>, options: AiSdkToolOptions = {}): Tool[] {
  return Object.entries(tools).map(([name, tool]) => fromAiSdkTool(name, tool, options));
}

type AnyFunction = (...args: readonly unknown[]) => unknown;

function isFunction(value: unknown): value is AnyFunction {
  return typeof value === "function";
}

function approvalOf(name: string, tool: AiSdkTool, context: unknown): Pick<Tool, "approval"> {
  const { needsApproval } = tool;
  if (needsApproval === undefined || needsApproval === false) return {};
  if (needsApproval === true) return { approval: "always" };
  if (!isFunction(needsApproval)) {
    throw invalid(name, `\`needsApproval\` is ${JSON.stringify(needsApproval)}`, "Use true, false or a function of the input.");
  }
  return {
    approval: async (input, { toolCallId }) =>
      // Whatever is not plainly a no asks.
      (await needsApproval.call(tool, input, { toolCallId, messages: [], context, experimental_context: context })) !== false,
  };
}

function executeOf(name: string, tool: AiSdkTool): AnyFunction {
  if (tool.type === "provider") {
    throw invalid(
      name,
      "it is a provider's own tool, and those are not run here",
      "Leave it out, or write it with `defineTool`.",
    );
  }
  if (isFunction(tool.execute)) return tool.execute;
  throw invalid(
    name,
    "it has no `execute`: it is meant to run in a browser",
    "Give it an `execute`; runs have no client to ask.",
  );
}

function describe(name: string, tool: AiSdkTool, context: unknown): string {
  const description = isFunction(tool.description) ? tool.description({ context }) : tool.description;
  if (typeof description === "string" && description.trim() !== "") return description;
  // The AI SDK does without one, too.
  return typeof tool.title === "string" && tool.title.trim() !== "" ? tool.title : name;
}

function executionOptions(call: ToolContext, context: unknown): object {
  const { toolCallId, signal, idempotencyKey, run, attempt } = call;
  return { toolCallId, messages: [], abortSignal: signal, context, idempotencyKey, run, attempt };
}

async function lastValue(result: unknown, signal: AbortSignal): Promise<unknown> {
  if (!isAsyncIterable(result)) return result;
  let last: unknown;
  for await (const value of result) {
    signal.throwIfAborted();
    last = value;
  }
  return last;
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

// --- schemas ---------------------------------------------------------------------------------------------------------

/** What the SDK's `jsonSchema()`, `zodSchema()` and `asSchema()` return. */
interface SdkSchema {
  readonly jsonSchema: object;
  readonly validate?: (value: unknown) => SdkValidation | PromiseLike<SdkValidation>;
}

type SdkValidation = { readonly success: true; readonly value: unknown } | { readonly success: false; readonly error: Error };

/** The SDK's `FlexibleSchema`: a Standard Schema, its own schema object, or a function that makes one when it is needed. */
function readFlexibleSchema(name: string, schema: unknown): ToolInput {
  if (isStandardSchema(schema)) return readInput(name, schema);
  if (isFunction(schema)) return readFlexibleSchema(name, schema());
  if (schema === undefined) return readInput(name, { type: "object", properties: {}, additionalProperties: false });
  if (!isSdkSchema(schema)) {
    const hint = "Wrap it with `jsonSchema()` or `asSchema()` of the package `ai`, or use a zod 4 schema.";
    throw invalid(name, "its `inputSchema` is not a schema of the AI SDK", hint);
  }
  const { jsonSchema, validate } = schema;
  if ("then" in jsonSchema) {
    const hint = "Await it first: `jsonSchema(await schema.jsonSchema, { validate: schema.validate })`.";
    throw invalid(name, "its JSON Schema is a promise", hint);
  }
  if (validate === undefined) return readInput(name, jsonSchema);
  return {
    jsonSchema: objectSchema(name, jsonSchema),
    validate: async (value) => checkSdk(validate, value),
  };
}

function isSdkSchema(value: unknown): value is SdkSchema {
  if (typeof value !== "object" || value === null || !("jsonSchema" in value)) return false;
  return typeof value.jsonSchema === "object" && value.jsonSchema !== null;
}

async function checkSdk(validate: NonNullable<SdkSchema["validate"]>, value: JsonValue): Promise<ToolInputCheck> {
  const result = await validate(value);
  if (result.success) return { ok: true, value: result.value };
  return { ok: false, problem: describeProblems(issuesOf(result.error)) };
}

/** Zod's errors list their issues, also where the SDK has wrapped them; other messages are taken whole. */
function issuesOf(error: Error): readonly string[] {
  const { issues } = (error.cause ?? error) as { readonly issues?: unknown };
  const list = issues ?? (Array.isArray(error.cause) ? error.cause : undefined);
  if (!Array.isArray(list)) return [error.message];
  return list.map((issue: { readonly message?: unknown; readonly path?: unknown }) => {
    const path = Array.isArray(issue.path) ? issue.path.map(String) : [];
    return `${path.length === 0 ? "" : `${path.join(".")}: `}${String(issue.message)}`;
  });
}
