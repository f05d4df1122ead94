/** Who wants to hear that a run changed; told in a microtask, so that no listener runs inside a write. */
export interface Watchers {
  watch(run: string | undefined, changed: Listener): () => void;
  /** Tell everyone who watches this run, soon. Several changes before they are told are one, of unknown kind if they differ. */
  touch(run: string, what?: Change): void;
  readonly watched: Iterable<string>;
  readonly watchesAll: boolean;
  readonly size: number;
}

/** What changed: an owner that hears of its own appends has nothing to look for. */
export type Change = "journal" | "inbox";

type Listener = (run: string, what?: Change) => void;

/** `onSize` hears how many watchers there are whenever that changes. */
export function createWatchers(onSize: (size: number) => void = () => {}): Watchers {
  const byRun = new Map<string, readonly Listener[]>();
  const all = new Set<Listener>();
  let size = 0;
  let touched = new Map<string, Change | undefined>();

  const tell = (): void => {
    const runs = touched;
    touched = new Map();
    for (const [run, what] of runs) {
      for (const listener of [...(byRun.get(run) ?? []), ...all]) callSafely(listener, run, what);
    }
  };

  const remove = (run: string, listener: Listener): boolean => {
    const listeners = byRun.get(run) ?? [];
    const rest = listeners.filter((other) => other !== listener);
    if (rest.length === 0) byRun.delete(run);
    else byRun.set(run, rest);
    return rest.length < listeners.length;
  };

  return {
    watch(run, changed) {
      const listener: Listener = (name, what) => changed(name, what);
      if (run === undefined) all.add(listener);
      else byRun.set(run, [...(byRun.get(run) ?? []), listener]);
      onSize(++size);
      return () => {
        if (run === undefined ? !all.delete(listener) : !remove(run, listener)) return;
        onSize(--size);
      };
    },
    touch(run, what) {
      if (size === 0 || (all.size === 0 && !byRun.has(run))) return;
      if (touched.size === 0) queueMicrotask(tell);
      touched.set(run, touched.has(run) && touched.get(run) !== what ? undefined : what);
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
function callSafely(listener: Listener, run: string, what: Change | undefined): void {
  try {
    listener(run, what);
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error));
  }
}
