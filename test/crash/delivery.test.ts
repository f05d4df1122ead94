/**
 * A run with two deliveries is stopped before and after each of its writes, those of the outbox among them. The next process finishes
 * the run and delivers: nothing is delivered zero times, and whatever is delivered twice has the same id and the same bytes.
 */
import { describe, expect, it } from "vitest";
import type { Delivery, DeliveryAdapter } from "../../src/ports/delivery.ts";
import { survivesEverywhere } from "../support/crash-points.ts";
import { makeTool } from "../support/world.ts";

/** Fails so often for each delivery, then takes it. */
function postbox(received: Delivery[], fails: number): DeliveryAdapter {
  const attempts = new Map<string, number>();
  return {
    kind: "post",
    deliver: async (delivery) => {
      const nth = (attempts.get(delivery.id) ?? 0) + 1;
      attempts.set(delivery.id, nth);
      if (nth <= fails) return { outcome: "failed", error: "busy" };
      received.push(delivery);
      return { outcome: "delivered" };
    },
  };
}

describe.each([0, 1])("a delivery that fails %i times first", (fails) => {
  it("S32 survives a crash before and after each write", async () => {
    let received: Delivery[] = [];
    let repeated = 0;
    const points = await survivesEverywhere({
      script: ({ step }) => (step === 0 ? { calls: [{ name: "note" }] } : { text: "Done." }),
      tools: () => [makeTool("note", async () => "noted")],
      request: {
        delivery: [
          { kind: "post", id: "a" },
          { kind: "post", id: "b" },
        ],
      },
      config: () => {
        received = [];
        return { delivery: { adapters: [postbox(received, fails)], scheduleMs: [0, 100, 100, 100] } };
      },
      afterwards: async ({ store }) => {
        const rows = await store.outbox.list();
        expect(rows.map(({ id, status }) => `${id} ${status}`).toReversed()).toEqual(["r.d0 delivered", "r.d1 delivered"]);
        for (const id of ["r.d0", "r.d1"]) {
          const copies = received.filter((delivery) => delivery.id === id);
          expect(copies.length).toBeGreaterThanOrEqual(1);
          expect(copies.length).toBeLessThanOrEqual(2);
          repeated += copies.length - 1;
        }
      },
    });
    expect(points).toBeGreaterThanOrEqual(16);
    // Sent and not written down is sent again.
    expect(repeated).toBeGreaterThan(0);
  });
});
