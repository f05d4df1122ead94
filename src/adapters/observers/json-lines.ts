import type { RunEvent } from "../../ports/events.ts";
import type { Observer } from "../../ports/observer.ts";

export interface JsonLinesOptions {
  /** Also what is streamed and never journaled; default false. */
  readonly deltas?: boolean;
}

/**
 * Every committed event of every run as a line of JSON: `{"run":"run_01...","seq":0,"type":"run.started",...}`. Warnings are lines of
 * type `warning`, streamed pieces lines of type `text.delta` and the like. `run` is always whose event it is; the child that an event is
 * about is `child`.
 *
 * @example
 * const log = createWriteStream("runs.jsonl", { flags: "a" });
 * const executor = createExecutor({ models, observers: [createJsonLinesObserver((line) => log.write(line))] });
 */
export function createJsonLinesObserver(write: (line: string) => unknown, options: JsonLinesOptions = {}): Observer {
  const line = (value: object): void => void write(`${JSON.stringify(value)}\n`);
  return {
    events: (run, events) => {
      for (const event of events) line(toLine(run, event));
    },
    ...(options.deltas === true ? { delta: (origin, delta) => line({ ...origin, ...delta }) } : {}),
    warning: (run, message) => line({ run, type: "warning", message }),
  };
}

function toLine(run: string, event: RunEvent): object {
  if (!("run" in event) || event.run === run) return { run, ...event };
  const { run: child, ...rest } = event;
  return { run, ...rest, child };
}
