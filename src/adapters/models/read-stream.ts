/** One `doStream`, read to its finish. */
import { toStreamError } from "../../kernel/model-error.ts";
import type { ModelCallOptions } from "../../ports/models.ts";
import type { AnswerFold } from "./answer-fold.ts";
import type { LanguageModel, PartReader, PartStream, StreamPart } from "./language-model.ts";

const LONGEST_DRAIN_MS = 1000;

export interface StreamTarget {
  /** `provider/model`, for messages. */
  readonly id: string;
  readonly fold: AnswerFold;
  readonly callOptions: ModelCallOptions;
}

/**
 * Reads to the finish. An abort does not wait for the provider: cancelling the reader ends a pending read at once, also
 * when the provider ignores the signal, and a stream that arrives too late is closed.
 */
export async function readStream(model: LanguageModel, options: object, target: StreamTarget): Promise<void> {
  const { id, fold, callOptions } = target;
  const { signal, onPart } = callOptions;
  signal.throwIfAborted();
  let reader: PartReader | undefined;
  let giveUp = (): void => {};
  const onAbort = (): void => {
    if (reader === undefined) giveUp();
    else close(reader);
  };
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const stream = await new Promise<PartStream>((resolve, reject) => {
      giveUp = () => reject(signal.reason as Error);
      Promise.resolve(model.doStream(options as never)).then((result) => resolve(closeIfAborted(result, signal)), reject);
    });
    reader = stream.getReader();
    signal.throwIfAborted();
    while (!fold.isFinished) {
      const { done, value } = await reader.read();
      if (done) break;
      const part = value as StreamPart;
      if (part.type === "error") throw toStreamError(id, part["error"], Date.now());
      onPart(fold.add(part));
    }
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener("abort", onAbort);
    if (reader !== undefined) release(reader, fold);
  }
}

function release(reader: PartReader, fold: AnswerFold): void {
  if (fold.isFinished) void drain(reader);
  else close(reader);
}

/** The body ends right after the finish; its connection can serve the next call only when it was read to that end. */
async function drain(reader: PartReader): Promise<void> {
  watchDrain(reader);
  try {
    while (!(await reader.read()).done);
  } catch {
    // The answer is complete; what breaks after it concerns nobody.
  } finally {
    draining.delete(reader);
    drainingLong.delete(reader);
  }
}

// Nearly every drain is over in the turn in which it began: one timer for all, and it closes what it finds for the second time.
let draining = new Set<PartReader>();
let drainingLong = new Set<PartReader>();
let isWatching = false;

function watchDrain(reader: PartReader): void {
  draining.add(reader);
  if (!isWatching) watchDrains();
}

function watchDrains(): void {
  isWatching = true;
  setTimeout(() => {
    isWatching = false;
    drainingLong.forEach(close);
    drainingLong = draining;
    draining = new Set();
    if (drainingLong.size > 0) watchDrains();
  }, LONGEST_DRAIN_MS / 2).unref();
}

function closeIfAborted({ stream }: { readonly stream: PartStream }, { aborted }: AbortSignal): PartStream {
  if (aborted) close(stream.getReader());
  return stream;
}

/** Nobody waits for it: a source may take for ever to cancel, or refuse. */
function close(reader: PartReader): void {
  reader.cancel().catch(() => {});
}
