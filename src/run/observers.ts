/** Telling observers, who may fail without the run failing. */
import type { Observer } from "../ports/observer.ts";
import type { Redaction } from "./redaction.ts";

interface Warned {
  readonly observers: readonly Observer[];
  readonly redaction?: Pick<Redaction, "text">;
}

const failed = new WeakSet<Observer>();

/** Tells each of them. One that throws, or whose promise rejects, is reported once: to the others, or to the process. */
export function tell(observers: readonly Observer[], run: string, watch: (observer: Observer) => unknown): void {
  for (const observer of observers) {
    const report = (error: unknown): void => reportOnce(observers, observer, { run, error });
    try {
      const watching = watch(observer);
      if (watching instanceof Promise) watching.catch(report);
    } catch (error) {
      report(error);
    }
  }
}

/** Whatever it says of an error, it says without registered secrets. */
export function warn({ observers, redaction }: Warned, run: string, message: string): void {
  const told = redaction === undefined ? message : redaction.text(message);
  tell(observers, run, (observer) => observer.warning?.(run, told));
}

function reportOnce(
  observers: readonly Observer[],
  observer: Observer,
  what: { readonly run: string; readonly error: unknown },
): void {
  if (failed.has(observer)) return;
  failed.add(observer);
  const { run, error } = what;
  const message = `an observer failed, which changes nothing for the run: ${error instanceof Error ? error.message : String(error)}`;
  const others = observers.filter((other) => other !== observer && other.warning !== undefined && !failed.has(other));
  if (others.length === 0) process.emitWarning(message, "ExecutusWarning");
  else tell(others, run, (other) => other.warning?.(run, message));
}
