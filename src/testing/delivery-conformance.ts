import assert from "node:assert/strict";
import type { Delivery, DeliveryAdapter, DeliveryMessage, DeliveryReport, DeliveryTarget } from "../ports/delivery.ts";
import { assertPlain, frozen, rejectsWith, settles, type Subject, suite } from "./conformance.ts";
import type { TestApi } from "./store-conformance.ts";

export interface DeliveryUnderTest extends Subject {
  readonly adapter: DeliveryAdapter;
  /** Where deliveries arrive. */
  readonly target: DeliveryTarget;
  /** What has arrived there so far, each with the id by which its receiver knows it. */
  readonly received: () => Promise<readonly string[]>;
  /** A target that can never be delivered to, if there is such a thing. */
  readonly impossible?: DeliveryTarget;
  /** A target where nobody answers, or somebody who refuses. */
  readonly broken?: DeliveryTarget;
}

function deliveryTo(target: DeliveryTarget, attempt = 1, id = "r.d0"): Delivery {
  const message: DeliveryMessage = {
    type: "run.completed",
    timestamp: "2026-01-01T00:00:00.000Z",
    data: {
      run: "r",
      agent: "tester",
      status: "completed",
      output: 'Grüße, "quoted"\nand a second line',
      steps: 1,
      toolCalls: 0,
      tokens: 15,
      costUsd: "unknown",
      activeMs: 1_000,
    },
  };
  return frozen({ id, run: "r", target, message, body: JSON.stringify(message), attempt });
}

/** Rejecting is a failure that is tried again. */
async function outcomeOf(promise: Promise<DeliveryReport>): Promise<DeliveryReport> {
  return settles(
    promise.catch((error: unknown) => ({ outcome: "failed" as const, error: String(error) })),
    15_000,
  );
}

/**
 * What every DeliveryAdapter must do: deliver, say so, and say it again under the same id when it is called again.
 *
 * @example
 * deliveryConformance({ describe, it }, "my adapter", async () => ({ adapter, target: { kind: "pager" }, received }));
 */
export function deliveryConformance(api: TestApi, name: string, open: () => Promise<DeliveryUnderTest>): void {
  const signal = (): AbortSignal => new AbortController().signal;
  suite(api, `${name} keeps the promises of a delivery adapter`, {
    open,
    tests: (test) => {
      test("delivers to targets of its kind and says that it has", async ({ adapter, target, received }) => {
        assert.equal(adapter.kind, target.kind);
        adapter.check?.(target);
        const report = await outcomeOf(adapter.deliver(deliveryTo(target), signal()));
        assert.equal(report.outcome, "delivered", JSON.stringify(report));
        if (report.outcome === "delivered") assertPlain(report.receipt, "its receipt");
        assert.equal((await received()).length, 1);
      });

      test("is called again after a crash, and arrives under the same id", async ({ adapter, target, received }) => {
        for (const attempt of [1, 2]) {
          const report = await outcomeOf(adapter.deliver(deliveryTo(target, attempt), signal()));
          assert.equal(report.outcome, "delivered", `attempt ${attempt}: ${JSON.stringify(report)}`);
        }
        assert.equal(new Set(await received()).size, 1, "a receiver cannot tell the repetition");
      });

      test("tells two deliveries apart, also at once", async ({ adapter, target, received }) => {
        const ids = ["r.d0", "s.d0"];
        const reports = await Promise.all(ids.map((id) => outcomeOf(adapter.deliver(deliveryTo(target, 1, id), signal()))));
        assert.deepEqual(
          reports.map(({ outcome }) => outcome),
          ["delivered", "delivered"],
        );
        assert.equal(new Set(await received()).size, 2);
      });

      test("refuses at admission what can never be delivered", async ({ adapter, impossible }) => {
        if (impossible === undefined) return;
        await rejectsWith(
          Promise.resolve().then(() => adapter.check?.(impossible)),
          "request_invalid",
        );
      });

      test("says what went wrong", async ({ adapter, broken, received }) => {
        if (broken === undefined) return;
        const report = await outcomeOf(adapter.deliver(deliveryTo(broken), signal()));
        assert.equal(report.outcome, "failed");
        if (report.outcome === "failed") assert.ok(report.error.length > 0);
        assert.deepEqual(await received(), []);
      });

      test("comes back when it is stopped", async ({ adapter, target }) => {
        const stopped = AbortSignal.abort(new Error("stopped"));
        await outcomeOf(adapter.deliver(deliveryTo(target), stopped));
      });
    },
  });
}
