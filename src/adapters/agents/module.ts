import { execFile } from "node:child_process";
import type { Stats } from "node:fs";
import { stat } from "node:fs/promises";
import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { ExecutusError, isExecutusError } from "../../kernel/errors.ts";
import type { Agent } from "../../ports/definition.ts";
import type { Models } from "../../ports/models.ts";
import type { Tool } from "../../ports/tools.ts";
import { checkTextFile } from "../files/read-text.ts";
import { defineAgent } from "./define-agent.ts";
import { type AgentFileOptions, readAgentFile, withProject } from "./markdown.ts";
import { folderGiven, missingFile } from "./missing-file.ts";

export interface LoadedAgent {
  readonly agent: Agent;
  /** Tools that the module brings for its agent to name; none for a Markdown file. */
  readonly tools: readonly Tool[];
  /** Models that the module brings, when it does not run on the configured ones. */
  readonly models?: Models;
  /** What to ask when nobody asks anything. */
  readonly input?: string;
  readonly warnings: readonly string[];
}

/**
 * Loads an agent from a Markdown file or from a TypeScript or JavaScript module. A module exports `agent` (or exports it as
 * default) and may export `tools`, `models` (a Models port, or a function that gives one or nothing) and `input`. Rejects with
 * `agent_unknown` when there is no such file and with `agent_invalid`, naming the file, when it holds no agent.
 *
 * @example
 * const { agent, tools, models } = await loadAgent("examples/stocktake/agent.ts");
 */
export async function loadAgent(path: string, options: AgentFileOptions = {}): Promise<LoadedAgent> {
  const file = resolve(path);
  const stats = await stat(file).catch((error: unknown) => missingFile(file, error));
  if (stats.isDirectory()) return folderGiven(file);
  if (extname(file) === ".md") {
    const read = await readAgentFile(file, options);
    const { initialPrompt } = read.agent;
    return { ...read, tools: [], ...(initialPrompt === undefined ? {} : { input: initialPrompt }) };
  }
  if (!/\.[cm]?[jt]s$/.test(file)) {
    throw invalid(file, "is not an agent: its name ends neither in .md nor in .ts or .js", "Give a Markdown file or a module.");
  }
  await checkReadable(file, stats);
  const module = await importModule(file);
  const agent = { ...agentOf(file, module), source: file };
  const models = await modelsOf(file, module["models"]);
  const input = inputOf(file, module["input"]) ?? agent.initialPrompt;
  return {
    agent: await withProject(defineAgent(agent), options),
    tools: toolsOf(file, module["tools"]),
    warnings: [],
    ...(models === undefined ? {} : { models }),
    ...(input === undefined ? {} : { input }),
  };
}

/** With everything that was bundled into it. */
const MOST_BYTES = 20_000_000;

/** A module is read by the runtime, which would wait for a pipe and never come to the end of a device. */
async function checkReadable(file: string, stats: Stats): Promise<void> {
  try {
    checkTextFile(stats, MOST_BYTES);
  } catch (error) {
    await missingFile(file, error);
  }
}

type Exports = Readonly<Record<string, unknown>>;

async function importModule(file: string): Promise<Exports> {
  try {
    return (await import(/* @vite-ignore */ pathToFileURL(file).href)) as Exports;
  } catch (error) {
    if (isExecutusError(error)) throw error;
    throw await notLoaded(file, error);
  }
}

function agentOf(file: string, module: Exports): Agent {
  const agent = module["agent"] ?? module["default"];
  if (typeof agent === "object" && agent !== null) return agent as Agent;
  const names = Object.keys(module);
  const exported = names.length === 0 ? "it exports nothing" : `it exports ${names.join(", ")}`;
  throw invalid(file, `has no agent: ${exported}`, "Write `export const agent = defineAgent({ ... })`.");
}

function toolsOf(file: string, tools: unknown): readonly Tool[] {
  if (tools === undefined) return [];
  if (Array.isArray(tools) && tools.every((tool) => typeof tool === "object" && tool !== null && "validate" in tool))
    return tools;
  throw invalid(
    file,
    "exports `tools` that are not a list of tools",
    "Make each with `defineTool`, `fileTools` or `fromAiSdkTool`.",
  );
}

async function modelsOf(file: string, exported: unknown): Promise<Models | undefined> {
  const models: unknown = typeof exported === "function" ? await (exported as () => unknown)() : exported;
  if (models === undefined) return undefined;
  if (typeof models === "object" && models !== null && "resolve" in models) return models as Models;
  throw invalid(
    file,
    "exports `models` that are not models",
    "Export an object with `resolve(tier)`, or a function that gives one.",
  );
}

function inputOf(file: string, input: unknown): string | undefined {
  if (input === undefined || (typeof input === "string" && input !== "")) return input;
  throw invalid(file, "exports an `input` that is not text", "Export what to ask when nobody asks anything, or leave it out.");
}

// --- what went wrong -------------------------------------------------------------------------------------------------

async function notLoaded(file: string, error: unknown): Promise<ExecutusError> {
  const message = error instanceof Error ? error.message : String(error);
  const place = (error instanceof Error ? placeIn(error) : undefined) ?? (await placeBySyntaxCheck(file, error)) ?? file;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const details = { cause: error, file, hint: hintFor(error, code) };
  return new ExecutusError("agent_invalid", `${place}: ${message}`, details);
}

function hintFor(error: unknown, code: unknown): string {
  if (code === "ERR_MODULE_NOT_FOUND")
    return "Install the package, or correct the path of the import (relative ones end in .ts or .js).";
  if (code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX")
    return "Node runs TypeScript by leaving the types out: write it without that construct.";
  if (error instanceof SyntaxError) return "Correct the syntax at that line.";
  return "The module threw while it was loaded: correct it and try again.";
}

/** `FILE:LINE`, from the head of a syntax error's stack or from the first frame outside of Node. */
function placeIn(error: Error): string | undefined {
  const stack = error.stack ?? "";
  const match = /^(?:file:\/\/)?(\/.*?|[A-Za-z]:.*?):(\d+)$/m.exec(stack) ?? /\(?file:\/\/(\/[^\n]*?):(\d+):\d+\)?$/m.exec(stack);
  return match === null ? undefined : `${decodeURI(match[1] ?? "")}:${match[2] ?? ""}`;
}

/** Node keeps the line of a JavaScript syntax error for its own output; so ask for that output. */
async function placeBySyntaxCheck(file: string, error: unknown): Promise<string | undefined> {
  if (!(error instanceof SyntaxError)) return undefined;
  const run = promisify(execFile)(process.execPath, ["--check", file]);
  const output = await run.then(() => "").catch((failure: unknown) => (failure as { stderr?: string }).stderr ?? "");
  const line = /^.*:(\d+)$/m.exec(output)?.[1];
  return line === undefined ? undefined : `${file}:${line}`;
}

function invalid(file: string, problem: string, hint: string): ExecutusError {
  return new ExecutusError("agent_invalid", `${file} ${problem}.`, { file, hint });
}
