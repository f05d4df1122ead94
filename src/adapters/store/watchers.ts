/** Who wants to hear that a run changed; told in a microtask, so that no listener runs inside a write. */
export interface Watchers {
  watch(run: string | undefined, changed: Listener): () => void;
  /** Tell everyone who watches this run, soon. Several changes before they are told are one, of unknown kind if they differ. */
  touch(run: string, what?: Change): void;
  /** Somebody watches this very run. */
  watches(run: string): boolean;
  readonly watched: Iterable<string>;
  readonly watchesAll: boolean;
  readonly size: number;
}

/** What changed: an owner that hears of its own appends has nothing to look for. */
export type Change = "journal" | "inbox";

type Listener = (run: string, what?: Change) => void;

const NOBODY: readonly Listener[] = [];

/** `onSize` hears how many watchers there are whenever that changes. */
export function createWatchers(onSize: (size: number) => void = () => {}): Watchers {
  const byRun = new Map<string, readonly Listener[]>();
  let all: readonly Listener[] = NOBODY;
  let size = 0;
  let touched = new Map<string, Change | undefined>();

  const tell = (): void => {
    const runs = touched;
    touched = new Map();
    for (const [run, what] of runs) {
      // The lists are replaced as a whole, so they can be walked whatever the listeners do to them.
      for (const listener of byRun.get(run) ?? NOBODY) callSafely(listener, run, what);
      for (const listener of all) callSafely(listener, run, what);
    }
  };

  const listenersOf = (run: string | undefined): readonly Listener[] => (run === undefined ? all : (byRun.get(run) ?? NOBODY));

  const setListeners = (run: string | undefined, listeners: readonly Listener[]): void => {
    if (run === undefined) all = listeners;
    else if (listeners.length === 0) byRun.delete(run);
    else byRun.set(run, listeners);
  };

  return {
    watch(run, changed) {
      const listener: Listener = (name, what) => changed(name, what);
      setListeners(run, [...listenersOf(run), listener]);
      onSize(++size);
      return () => {
        const before = listenersOf(run);
        if (!before.includes(listener)) return;
        setListeners(
          run,
          before.filter((other) => other !== listener),
        );
        onSize(--size);
      };
    },
    touch(run, what) {
      if (size === 0 || (all.length === 0 && !byRun.has(run))) return;
      if (touched.size === 0) queueMicrotask(tell);
      touched.set(run, touched.has(run) && touched.get(run) !== what ? undefined : what);
    },
    watches: (run) => byRun.has(run),
    get watched() {
      return byRun.keys();
    },
    get watchesAll() {
      return all.length > 0;
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
