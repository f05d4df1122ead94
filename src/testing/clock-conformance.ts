import assert from "node:assert/strict";
import type { Clock } from "../ports/clock.ts";
import { type Subject, suite } from "./conformance.ts";
import type { TestApi } from "./store-conformance.ts";

export interface ClockUnderTest extends Subject {
  readonly clock: Clock;
  /** Lets so much of its time pass, ms. Default: waits in real time. */
  readonly pass?: (ms: number) => Promise<void>;
}

const really = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * What every Clock must do.
 *
 * @example
 * clockConformance({ describe, it }, "my clock", async () => ({ clock: myClock }));
 */
export function clockConformance(api: TestApi, name: string, open: () => Promise<ClockUnderTest>): void {
  suite(api, `${name} keeps the promises of a clock`, {
    open,
    tests: (test) => {
      test("tells the time in ms since 1970, and measures durations that never go back", async ({ clock, pass = really }) => {
        assert.ok(clock.now() > Date.UTC(2000, 0) && clock.now() < Date.UTC(2200, 0), `now is ${clock.now()}`);
        let last = clock.monotonic();
        const [wall, mono] = [clock.now(), last];
        for (let i = 0; i < 100; i++) {
          const next = clock.monotonic();
          assert.ok(next >= last, "it went back");
          last = next;
        }
        await pass(30);
        assert.ok(clock.monotonic() - mono >= 25, `${clock.monotonic() - mono} ms for 30`);
        assert.ok(clock.now() - wall >= 25, `${clock.now() - wall} ms of wall clock for 30`);
      });

      test("calls back once, not at once and not too early", async ({ clock, pass = really }) => {
        let calls = 0;
        clock.after(20, () => calls++);
        clock.after(0, () => (calls += 10));
        clock.after(-5, () => (calls += 100));
        assert.equal(calls, 0, "it called back at once");
        await pass(5);
        assert.equal(calls, 110);
        await pass(60);
        assert.equal(calls, 111);
        await pass(60);
        assert.equal(calls, 111, "it called back again");
      });

      test("calls back in the order of their times", async ({ clock, pass = really }) => {
        const order: number[] = [];
        for (const ms of [60, 0, 30]) clock.after(ms, () => order.push(ms));
        await pass(150);
        assert.deepEqual(order, [0, 30, 60]);
      });

      test("takes a callback back", async ({ clock, pass = really }) => {
        let calls = 0;
        const cancel = clock.after(10, () => calls++);
        clock.after(10, () => calls++, { background: true })();
        cancel();
        cancel();
        await pass(40);
        assert.equal(calls, 0);
      });

      test("does not call back soon what is to be called in a year", async ({ clock, pass = really }) => {
        let calls = 0;
        const cancel = clock.after(366 * 86_400_000, () => calls++);
        await pass(30);
        cancel();
        assert.equal(calls, 0);
      });

      test("draws numbers from 0 up to 1", async ({ clock }) => {
        const drawn = Array.from({ length: 1_000 }, () => clock.random());
        assert.ok(drawn.every((x) => x >= 0 && x < 1));
        assert.ok(new Set(drawn).size > 900, "it draws the same numbers");
        assert.ok(Math.min(...drawn) < 0.1 && Math.max(...drawn) > 0.9, "it draws from a part only");
      });

      test("lets other work run", async ({ clock }) => {
        let ran = false;
        setImmediate(() => (ran = true));
        for (let i = 0; i < 3; i++) await clock.yield();
        assert.equal(ran, true);
      });
    },
  });
}
