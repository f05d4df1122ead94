/** What runs in a thread of an isolated tool: imports its module once, then works off one call after the other. */
import { parentPort, workerData } from "node:worker_threads";
import { fileURLToPath } from "node:url";
import { ask, isSuspension, sleep, sleepUntil, waitFor } from "../../kernel/suspension.ts";
import type { Tool, ToolContext } from "../../ports/tools.ts";
import type { Wake } from "../../ports/waiting.ts";
import {
  type ContextData,
  type ErrorData,
  type FromThread,
  type Requests,
  type ThreadData,
  type ToThread,
  toError,
  toErrorData,
} from "./isolated-messages.ts";
import { keyOf, openRegistry } from "./isolated-registry.ts";

type Call = Extract<ToThread, { type: "call" }>;

interface Asked {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

const controllers = new Map<number, AbortController>();
const asked = new Map<number, Asked>();
let requests = 0;

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a process has no origin
const post = (message: FromThread): void => parentPort?.postMessage(message);

const tool = await load(workerData as ThreadData);
if (tool !== undefined) {
  parentPort?.on("message", (message: ToThread) => hear(tool, message));
  post({ type: "ready" });
}

async function load({ name, module }: ThreadData): Promise<Tool | undefined> {
  const tools = openRegistry();
  const file = fileURLToPath(module);
  try {
    await import(/* @vite-ignore */ module);
  } catch (error) {
    const { message, ...rest } = toErrorData(error);
    post({
      type: "unusable",
      error: { ...rest, message: `${name} did not run: ${file} cannot be loaded in a thread: ${message}` },
    });
    return undefined;
  }
  const found = tools.get(keyOf(module, name));
  if (found !== undefined) return found;
  const message = `${name} did not run: ${file} does not make it when it is loaded. Define it there, at the top level`;
  post({ type: "unusable", error: { name: "Error", message } });
  return undefined;
}

function hear(tool: Tool, message: ToThread): void {
  switch (message.type) {
    case "call":
      return void perform(tool, message);
    case "abort":
      return controllers.get(message.call)?.abort(toError(message.reason));
    case "answer":
      return settle(message);
  }
}

function settle({ request, error }: { readonly request: number; readonly error?: ErrorData }): void {
  const waiting = asked.get(request);
  asked.delete(request);
  if (error === undefined) waiting?.resolve();
  else waiting?.reject(toError(error));
}

async function perform(tool: Tool, message: Call): Promise<void> {
  const { call } = message;
  const controller = new AbortController();
  controllers.set(call, controller);
  try {
    tell(tool.name, call, await work(tool, message, contextOf(call, message.context, controller.signal)));
  } catch (error) {
    post({ type: "failed", call, error: toErrorData(error) });
  } finally {
    controllers.delete(call);
  }
}

function work(tool: Tool, { work, given }: Call, context: ToolContext): Promise<unknown> {
  const [input, wake] = given;
  if (work === "execute") return tool.execute(input, context);
  const answer = work === "resume" ? tool.resume?.(input, wake as Wake, context) : tool.reconcile?.(input, context);
  return answer ?? Promise.reject(new Error(`${tool.name} has no \`${work}\` in its thread`));
}

function tell(name: string, call: number, value: unknown): void {
  try {
    post(isSuspension(value) ? { type: "suspended", call, suspension: value } : { type: "ended", call, value });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${name} ran, but its result cannot leave its thread: ${reason}`, { cause: error });
  }
}

function contextOf(call: number, { status, ...data }: ContextData, signal: AbortSignal): ToolContext {
  const request = <Name extends keyof Requests>(name: Name, given: Requests[Name]): Promise<void> =>
    new Promise((resolve, reject) => {
      const id = requests++;
      // First: what cannot be cloned rejects.
      post({ type: "request", call, request: id, name, given } as FromThread);
      asked.set(id, { resolve, reject });
    });
  return {
    ...data,
    signal,
    status: () => status,
    attach: (...given) => request("attach", given),
    attachImages: (...given) => request("attachImages", given),
    addArtifact: (...given) => request("addArtifact", given),
    ask,
    waitFor,
    sleep,
    sleepUntil,
  };
}
