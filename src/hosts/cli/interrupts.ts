/** Ctrl-C and its kin: once to stop in order, twice to give up the run, three times to leave at once. */
import { exitCodeOfSignal } from "./exit-codes.ts";

export type Interrupt = "SIGINT" | "SIGTERM" | "SIGHUP";

export interface Interrupts {
  /** The first one that came. */
  readonly first: Interrupt | undefined;
  stop(): void;
}

/** npm and other launchers pass on the signal that the terminal has sent to us already: one press arrives twice. */
const ECHO_MS = 300;

export function listenForInterrupts(on: {
  readonly drain: (signal: Interrupt) => void;
  readonly cancel: () => void;
}): Interrupts {
  let first: Interrupt | undefined;
  let presses = 0;
  let lastAt = 0;
  const listen = (signal: Interrupt): void => {
    if (first === undefined) {
      first = signal;
      presses = 1;
      lastAt = performance.now();
      return on.drain(signal);
    }
    // Supervisors repeat SIGTERM; only a person at the keyboard asks for more than a drain.
    if (signal !== "SIGINT" || performance.now() - lastAt < ECHO_MS) return;
    lastAt = performance.now();
    presses++;
    if (presses === 2) on.cancel();
    if (presses > 2) process.exit(exitCodeOfSignal(first));
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, listen);
  return {
    get first() {
      return first;
    },
    stop: () => {
      for (const signal of signals) process.removeListener(signal, listen);
    },
  };
}
