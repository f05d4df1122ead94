import { describe, expect, it } from "vitest";
import { createMemoryBlobs } from "../adapters/blobs/memory.ts";
import { createMemoryStore } from "../adapters/store/memory.ts";
import type { ModelCandidate } from "../ports/models.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { createExecutorOn } from "./executor.ts";
import type { RunRequest } from "./types.ts";

/** A run whose model sends `parts` pieces, `everyMs` apart, and then falls silent. What is recorded of its one attempt. */
async function silentAfter(parts: number, everyMs: number, limits: RunRequest["limits"]): Promise<unknown> {
  const clock = createFakeClock();
  const store = createMemoryStore({ now: () => clock.now() });
  const candidate: ModelCandidate = {
    id: "test/silent",
    call: (_call, { signal, onPart }) => {
      const send = (left: number): void => {
        if (left === 0) return;
        onPart({ type: "text.delta", text: "." });
        clock.after(everyMs, () => send(left - 1));
      };
      send(parts);
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
    },
  };
  const executor = createExecutorOn(
    { models: { resolve: () => Promise.resolve([candidate]) } },
    { store, blobs: createMemoryBlobs(), clock },
  );
  const request = { input: "Go.", limits: { modelAttempts: 1, timeMs: 3_600_000, ...limits } };
  const { run } = await clock.until(executor.run({ name: "tester", instructions: "Test." }, request));
  return (await store.journal.read(run)).find(({ type }) => type === "model.failed");
}

describe("a model that falls silent", () => {
  it("is left after the idle time, also when that is shorter than the time for the first part", async () => {
    const limits = { firstTokenMs: 60_000, idleTokenMs: 100 };
    const message = "test/silent timed out: 100 ms without a sign of life (idle)";
    expect(await silentAfter(1, 0, limits)).toMatchObject({ durationMs: 100, error: { code: "model_timeout", message } });
    expect(await silentAfter(3, 80, limits)).toMatchObject({ durationMs: 260, error: { code: "model_timeout", message } });
  });

  it("is left after the idle time when that is the longer one", async () => {
    const limits = { firstTokenMs: 100, idleTokenMs: 1000 };
    expect(await silentAfter(2, 500, limits)).toMatchObject({ durationMs: 1500, error: { code: "model_timeout" } });
  });

  it("is left when the time for the first part is over", async () => {
    const message = "test/silent timed out: 100 ms without a sign of life (first-token)";
    expect(await silentAfter(0, 0, { firstTokenMs: 100 })).toMatchObject({ durationMs: 100, error: { message } });
  });

  it("is left when the time for the whole call is over, however lively it is", async () => {
    const message = "test/silent timed out: 450 ms without an end (total)";
    const limits = { modelCallMs: 450, idleTokenMs: 100 };
    expect(await silentAfter(1000, 10, limits)).toMatchObject({ durationMs: 450, error: { message } });
  });
});
