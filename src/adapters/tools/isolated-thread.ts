/** One thread of an isolated tool, as its process sees it: takes one call at a time, and can be ended whatever it does. */
import { Worker } from "node:worker_threads";
import { UnknownOutcomeError } from "../../kernel/unknown-outcome.ts";
import type { ToolContext } from "../../ports/tools.ts";
import type { Suspension, SuspensionBody } from "../../ports/waiting.ts";
import { ask, sleep, sleepUntil, waitFor } from "../../kernel/suspension.ts";
import { type ErrorData, type FromThread, type ToThread, toError, toErrorData, type Work } from "./isolated-messages.ts";

export interface ThreadOptions {
  readonly name: string;
  readonly module: string;
  readonly memoryMb: number;
}

export interface IsolatedCall {
  readonly work: Work;
  readonly given: readonly unknown[];
  readonly context: ToolContext;
}

interface Current {
  readonly call: number;
  readonly context: ToolContext;
  /** The tool's function was handed the call: whatever happens now, it may have done something. */
  begun: boolean;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Beside this file, as it is: compiled or not. */
const ENTRY = new URL(`./isolated-entry${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);

export class IsolatedThread {
  readonly #options: ThreadOptions;
  readonly #worker: Worker;
  readonly #ready: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #gone: PromiseWithResolvers<void> = Promise.withResolvers();
  #current: Current | undefined;
  #calls = 0;
  #isReusable = true;
  #isEnding = false;
  /** What nobody caught in it. */
  #uncaught: unknown;

  constructor(options: ThreadOptions) {
    this.#options = options;
    const { name, module, memoryMb } = options;
    this.#worker = new Worker(ENTRY, {
      name: `tool ${name}`,
      workerData: { name, module },
      resourceLimits: { maxOldGenerationSizeMb: memoryMb },
    });
    this.#worker.on("message", (message: FromThread) => this.#hear(message));
    this.#worker.on("messageerror", (error) => this.#die(`said something that cannot be read: ${error.message}`));
    this.#worker.on("error", (error: unknown) => (this.#uncaught = error));
    this.#worker.on("exit", (code) => this.#exited(code));
    // Whoever waits for it hears of it through its call.
    this.#ready.promise.catch(() => {});
  }

  /** Resolves when the system has it back. One that is stuck inside a call to the system is not gone before that returns. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  /** Calls that it was given so far. */
  get calls(): number {
    return this.#calls;
  }

  /** False once it was told to stop something: what it left undone might still be at work. */
  get isReusable(): boolean {
    return this.#isReusable && !this.#isEnding;
  }

  end(): void {
    this.#isEnding = true;
    this.#worker.unref();
    void this.#worker.terminate();
  }

  /** Rejects as the tool does; with an UnknownOutcomeError when the thread ended, or was ended, in the middle of it. */
  async call({ work, given, context }: IsolatedCall): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const current: Current = { call: ++this.#calls, context, begun: false, resolve, reject };
    this.#current = current;
    this.#worker.ref();
    const { signal } = context;
    let grace: NodeJS.Timeout | undefined;
    const stop = (): void => {
      grace = this.#stop(current);
    };
    signal.addEventListener("abort", stop, { once: true });
    this.#ready.promise.then(() => this.#begin(current, work, given), reject);
    try {
      return await promise;
    } finally {
      clearTimeout(grace);
      signal.removeEventListener("abort", stop);
      this.#current = undefined;
      this.#worker.unref();
    }
  }

  #begin(current: Current, work: Work, given: readonly unknown[]): void {
    if (this.#current !== current || current.context.signal.aborted) return;
    const { run, call, toolCallId, idempotencyKey, attempt, caller, channel, tenant } = current.context;
    const labels = {
      ...(caller === undefined ? {} : { caller }),
      ...(channel === undefined ? {} : { channel }),
      ...(tenant === undefined ? {} : { tenant }),
    };
    const context = { run, call, toolCallId, idempotencyKey, attempt, ...labels, status: current.context.status() };
    try {
      this.#post({ type: "call", call: current.call, work, given, context });
      current.begun = true;
    } catch (error) {
      const { name } = this.#options;
      current.reject(new Error(`${name} did not run: its input cannot be handed to a thread: ${messageOf(error)}`));
    }
  }

  /** Asks; after the grace time it is ended. */
  #stop(current: Current): NodeJS.Timeout | undefined {
    this.#isReusable = false;
    const { context } = current;
    const { signal } = context;
    if (!current.begun) {
      current.reject(signal.reason);
      this.end();
      return undefined;
    }
    this.#post({ type: "abort", call: current.call, reason: toReason(signal.reason) });
    const { graceMs } = context.status().limits;
    return setTimeout(() => this.#die(`did not stop within ${graceMs} ms, and was ended`), graceMs);
  }

  #hear(message: FromThread): void {
    if (message.type === "ready") return this.#ready.resolve();
    if (message.type === "unusable") {
      this.#isReusable = false;
      return this.#ready.reject(toError(message.error));
    }
    const current = this.#current;
    // Of a call that is over: what it left behind is still at work.
    if (current?.call !== message.call) return;
    switch (message.type) {
      case "ended":
        return current.resolve(message.value);
      case "suspended":
        return current.resolve(toSuspension(message.suspension));
      case "failed":
        return current.reject(toError(message.error));
      case "request":
        return void this.#answer(current.context, message);
    }
  }

  async #answer(context: ToolContext, message: Extract<FromThread, { type: "request" }>): Promise<void> {
    let error: ErrorData | undefined;
    try {
      if (message.name === "attach") await context.attach(...message.given);
      else if (message.name === "attachImages") await context.attachImages(...message.given);
      else await context.addArtifact(...message.given);
    } catch (thrown) {
      error = toErrorData(thrown);
    }
    this.#post({ type: "answer", request: message.request, ...(error === undefined ? {} : { error }) });
  }

  #post(message: ToThread): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    this.#worker.postMessage(message);
  }

  #die(why: string): void {
    this.#fail(why);
    this.end();
  }

  #exited(code: number): void {
    const why = describeEnd(this.#uncaught, code, this.#options);
    this.#isReusable = false;
    this.#ready.reject(new Error(`${this.#options.name} did not run: while its module was loaded, its thread ${why}`));
    if (this.#current !== undefined) this.#fail(why);
    // In-process code would have ended the process; nobody waits here, but it should not be silent.
    else if (this.#uncaught !== undefined && !this.#isEnding)
      process.emitWarning(`An idle thread of ${this.#options.name} ${why}.`);
    this.#gone.resolve();
  }

  /** What it has done by now, nobody knows. */
  #fail(why: string): void {
    const { name } = this.#options;
    if (this.#current?.begun === true)
      this.#current.reject(new UnknownOutcomeError(`${name} did not come to its end: its thread ${why}`));
  }
}

/** With what tells a timeout from a shutdown. */
function toReason(reason: unknown): ErrorData {
  return { ...toErrorData(reason), ...(reason instanceof Error && "stop" in reason ? { stop: reason.stop } : {}) };
}

function describeEnd(uncaught: unknown, code: number, { memoryMb }: ThreadOptions): string {
  if (uncaught === undefined) return `ended itself with exit code ${code}`;
  const isMemory = uncaught instanceof Error && "code" in uncaught && uncaught.code === "ERR_WORKER_OUT_OF_MEMORY";
  if (isMemory) return `ran out of memory (it may have ${memoryMb} MB: \`isolated.memoryMb\`)`;
  return `ended with an error that nobody caught: ${messageOf(uncaught)}`;
}

/** Its mark does not cross. */
function toSuspension(body: SuspensionBody): Suspension {
  switch (body.type) {
    case "question": {
      const { type: _, text, ...options } = body;
      return ask(text, options);
    }
    case "event": {
      const { type: _, name, ...options } = body;
      return waitFor(name, options);
    }
    case "time":
      return "at" in body ? sleepUntil(body.at) : sleep(body.inMs);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
