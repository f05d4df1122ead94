/** Who wants to hear that a run changed; told in a microtask, so that no listener runs inside a write. */
export interface Watchers {
  watch(run: string | undefined, changed: (run: string) => void): () => void;
  /** Tell everyone who watches this run, soon. Several changes before they are told are one. */
  touch(run: string): void;
  readonly watched: Iterable<string>;
  readonly watchesAll: boolean;
  readonly size: number;
}

/** `onSize` hears how many watchers there are whenever that changes. */
export function createWatchers(onSize: (size: number) => void = () => {}): Watchers {
  const byRun = new Map<string, Set<(run: string) => void>>();
  const all = new Set<(run: string) => void>();
  let size = 0;
  let touched = new Set<string>();

  const tell = (): void => {
    const runs = touched;
    touched = new Set();
    for (const run of runs) {
      for (const listener of [...(byRun.get(run) ?? []), ...all]) callSafely(listener, run);
    }
  };

  return {
    watch(run, changed) {
      const listener = (name: string): void => changed(name);
      const group = run === undefined ? all : (byRun.get(run) ?? new Set());
      if (run !== undefined) byRun.set(run, group);
      group.add(listener);
      onSize(++size);
      return () => {
        if (!group.delete(listener)) return;
        if (run !== undefined && group.size === 0 && byRun.get(run) === group) byRun.delete(run);
        onSize(--size);
      };
    },
    touch(run) {
      if (size === 0 || (all.size === 0 && !byRun.has(run))) return;
      if (touched.size === 0) queueMicrotask(tell);
      touched.add(run);
    },
    get watched() {
      return byRun.keys();
    },
    get watchesAll() {
      return all.size > 0;
    },
    get size() {
      return size;
    },
  };
}

/** A listener's mistake is shown, but is nobody else's problem: the write it hears of has already happened. */
function callSafely(listener: (run: string) => void, run: string): void {
  try {
    listener(run);
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error));
  }
}
