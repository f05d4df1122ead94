import type { RunEvent } from "../../ports/events.ts";
import type { Observer } from "../../ports/observer.ts";

export interface ConsoleObserverOptions {
  /** Default: a line on standard error. */
  readonly write?: (line: string) => unknown;
}

/**
 * What runs do, a short line each, for people who watch a server's log. `executus tail` shows more.
 *
 * @example
 * const executor = createExecutor({ models, observers: [createConsoleObserver()] });
 */
export function createConsoleObserver(options: ConsoleObserverOptions = {}): Observer {
  const write = options.write ?? ((line: string) => process.stderr.write(line));
  return {
    events: (run, events) => {
      for (const event of events) {
        const text = textOf(event);
        if (text !== undefined) write(`${new Date(event.at).toISOString()} ${run} ${text}\n`);
      }
    },
    warning: (run, message) => void write(`${new Date().toISOString()} ${run} warning: ${message}\n`),
  };
}

function textOf(event: RunEvent): string | undefined {
  switch (event.type) {
    case "run.started":
      return `started ${event.agent.name}`;
    case "model.answered":
      return `step ${event.step + 1} answered by ${event.model} in ${event.durationMs} ms`;
    case "model.failed":
      return `${event.model} failed: ${event.error.message}`;
    case "tool.ended":
      return `call ${event.call} ${event.outcome}`;
    case "run.finished":
      return event.status;
    case "model.started":
    case "tool.started":
      return undefined;
    default:
      return event.type;
  }
}
