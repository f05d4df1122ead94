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
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = (): void => {
      if (reader === undefined) reject(signal.reason as Error);
      else close(reader);
    };
  });
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const opening = Promise.resolve(model.doStream(options as never));
    reader = (await Promise.race([opening.then(closeIfAborted(signal)), aborted])).getReader();
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
  const timer = setTimeout(() => close(reader), LONGEST_DRAIN_MS);
  timer.unref();
  try {
    while (!(await reader.read()).done);
  } catch {
    // The answer is complete; what breaks after it concerns nobody.
  } finally {
    clearTimeout(timer);
  }
}

function closeIfAborted(signal: AbortSignal): (result: { readonly stream: PartStream }) => PartStream {
  return (result) => {
    if (signal.aborted) close(result.stream.getReader());
    return result.stream;
  };
}

/** Nobody waits for it: a source may take for ever to cancel, or refuse. */
function close(reader: PartReader): void {
  reader.cancel().catch(() => {});
}
