/** Delivery of outcomes: the outbox worked off, with an adapter that a test owns. */
import { describe, expect, it } from "vitest";
import type { ExecutusError } from "../../src/kernel/errors.ts";
import type { Agent } from "../../src/ports/definition.ts";
import type { Delivery, DeliveryAdapter, DeliveryReport, DeliveryTarget } from "../../src/ports/delivery.ts";
import type { RunRequest } from "../../src/run/types.ts";
import { faultyStore } from "../../src/testing/faulty-store.ts";
import { batch, FINISHED, newRun, SETTLING } from "../../src/testing/store-conformance-data.ts";
import { createWorld, makeAgent, type World, type WorldOptions } from "../support/world.ts";

const ok: DeliveryReport = { outcome: "delivered", receipt: { n: 1 } };
const busy: DeliveryReport = { outcome: "failed", error: "busy" };

interface Post extends DeliveryAdapter {
  readonly seen: Delivery[];
}

/** Notes when it was asked. */
function timed(adapter: DeliveryAdapter, world: () => World): { readonly adapter: DeliveryAdapter; readonly at: number[] } {
  const at: number[] = [];
  const deliver: DeliveryAdapter["deliver"] = (delivery, signal) => {
    at.push(world().clock.now());
    return adapter.deliver(delivery, signal);
  };
  return { adapter: { ...adapter, deliver }, at };
}

/** Answers with the given reports in turn, the last one for good. */
function post(...reports: readonly (DeliveryReport | Error | "hangs")[]): Post {
  const seen: Delivery[] = [];
  return {
    kind: "post",
    seen,
    deliver: async (delivery, signal) => {
      seen.push(delivery);
      const report = reports[Math.min(seen.length, reports.length) - 1] ?? ok;
      if (report === "hangs")
        return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
      if (report instanceof Error) throw report;
      return report;
    },
  };
}

const agent = makeAgent([]);
const to = { kind: "post", id: "box" };

function worldWith(adapter: DeliveryAdapter, more: WorldOptions = {}): World {
  return createWorld(() => ({ text: "Done." }), { agents: [agent], delivery: { adapters: [adapter] }, ...more });
}

async function finish(world: World, request: Partial<RunRequest> = {}): Promise<string> {
  const { run } = await world.clock.until(world.executor.run(agent, { input: "go", id: "r", delivery: to, ...request }));
  return run;
}

const row = async (world: World, id = "r.d0") => (await world.executor.deliveries({ prefix: id }))[0];
const deliver = (world: World) => world.clock.until(world.executor.deliver());

describe("delivery", () => {
  it("S32 sends the outcome after the run has ended, under an id that follows from the run, and keeps the receipt", async () => {
    const adapter = post();
    const world = worldWith(adapter);
    await finish(world, { caller: "anna", labels: { a: "b" } });
    await deliver(world);
    const [sent] = adapter.seen;
    expect(adapter.seen).toHaveLength(1);
    expect(sent).toMatchObject({ id: "r.d0", run: "r", target: to, attempt: 1 });
    expect(sent?.body).toBe(JSON.stringify(sent?.message));
    expect(sent?.message).toMatchObject({
      type: "run.completed",
      timestamp: "2026-01-01T00:00:00.000Z",
      data: { run: "r", agent: "tester", status: "completed", output: "Done.", caller: "anna", labels: { a: "b" }, steps: 1 },
    });
    expect(await row(world)).toMatchObject({ status: "delivered", attempts: 1, receipt: { n: 1 } });
    const started = (await world.store.journal.read("r"))[0];
    expect(started).toMatchObject({ request: { delivery: [to] } });
  });

  it("S32 sends outcomes where the agent says, unless the request does, and never those of a child", async () => {
    const adapter = post();
    const helper = { name: "helper", instructions: "Help.", delivery: { kind: "post", id: "helpers" } };
    const lead = { ...agent, name: "lead", delivery: { kind: "post", id: "leads" }, delegates: [helper] };
    const world = createWorld(
      ({ run, step }) =>
        run === "r" && step === 0 ? { calls: [{ name: "agent__helper", input: { prompt: "x" } }] } : { text: "Done." },
      { agents: [lead], delivery: { adapters: [adapter] } },
    );
    await world.clock.until(world.executor.run(lead, { input: "go", id: "r" }));
    await world.clock.until(world.executor.run(lead, { input: "go", id: "s", delivery: to }));
    await world.clock.until(world.executor.run(lead, { input: "go", id: "t", delivery: [] }));
    await deliver(world);
    expect(adapter.seen.map(({ id, target }) => [id, target.id])).toEqual([
      ["r.d0", "leads"],
      ["s.d0", to.id],
    ]);
  });

  it("S32 sends the error of a run that failed", async () => {
    const adapter = post();
    const world = createWorld([{ error: { message: "no", status: 401 } }], {
      agents: [agent],
      delivery: { adapters: [adapter] },
    });
    await finish(world);
    await deliver(world);
    expect(adapter.seen[0]?.message).toMatchObject({
      type: "run.failed",
      data: { status: "failed", error: { message: expect.any(String) } },
    });
  });

  it("S32 has the outbox row in the store as soon as the run has its last event, and nothing without a target", async () => {
    const world = createWorld(() => ({ text: "Done." }), { agents: [agent], delivery: { adapters: [post("hangs")] } });
    await finish(world, { delivery: [to, { kind: "post", id: "other" }] });
    expect((await world.store.outbox.list({ run: "r" })).map(({ id }) => id)).toEqual(["r.d1", "r.d0"]);
    await finish(world, { id: "silent", delivery: [] });
    expect(await world.store.outbox.list({ run: "silent" })).toEqual([]);
    await world.clock.until(world.executor.shutdown({ graceMs: 0 }));
  });

  it.each([
    ["fails for good", { outcome: "failed", error: "no such channel", permanent: true }],
    ["throws", new Error("broken adapter")],
    ["hangs", "hangs"],
  ] as const)("S32 a target that %s changes nothing of the run's outcome", async (_what, report) => {
    const world = worldWith(post(report));
    const result = await world.clock.until(world.executor.run(agent, { input: "go", id: "r", delivery: to }));
    expect(result).toMatchObject({ status: "completed", output: "Done." });
    const end = (await world.store.journal.read("r")).length;
    await deliver(world);
    expect(await row(world)).toMatchObject({ error: expect.any(String), attempts: 1 });
    expect(await world.executor.result("r")).toEqual(result);
    expect((await world.store.journal.read("r")).length).toBe(end);
  });

  it("S32 tries again on the schedule of Standard Webhooks with the same id and bytes, then gives up", async () => {
    const adapter = post(busy);
    const warnings: string[] = [];
    const { adapter: noted, at } = timed(adapter, () => world);
    const world = worldWith(noted, { observers: [{ warning: (_run, message) => warnings.push(message) }] });
    await finish(world);
    const isOver = async (): Promise<void> => {
      while ((await row(world))?.status === "pending") await turns(1);
    };
    await world.clock.until(isOver());
    const gaps = at.map((now, i) => (now - (at[i - 1] ?? now)) / 1_000);
    const schedule = [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
    for (const [i, delay] of schedule.entries()) {
      expect(gaps[i], `before attempt ${i + 1}`).toBeGreaterThanOrEqual(delay);
      expect(gaps[i], `before attempt ${i + 1}`).toBeLessThanOrEqual(delay * 1.2 + 1);
    }
    await turns();
    expect(await row(world)).toMatchObject({ status: "dead", attempts: 10, error: "busy" });
    expect(new Set(adapter.seen.map(({ id }) => id))).toEqual(new Set(["r.d0"]));
    expect(new Set(adapter.seen.map(({ body }) => body)).size).toBe(1);
    expect(adapter.seen.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(warnings.at(-1)).toContain("given up");
    world.clock.advance(7 * 86_400_000);
    await turns();
    expect(adapter.seen).toHaveLength(10);
  });

  it("S32 waits as long as the target asks for", async () => {
    const adapter = post({ outcome: "failed", error: "429", retryAfterMs: 60_000 }, ok);
    const world = worldWith(adapter);
    await finish(world);
    await turns();
    world.clock.advance(59_000);
    await turns();
    expect(adapter.seen).toHaveLength(1);
    world.clock.advance(2_000);
    await turns();
    expect(adapter.seen).toHaveLength(2);
    expect(await row(world)).toMatchObject({ status: "delivered", attempts: 2 });
  });

  it("S32 gives an attempt up after its time, and aborts it", async () => {
    const adapter = post("hangs", ok);
    const world = worldWith(adapter);
    await finish(world);
    await deliver(world);
    expect(await row(world)).toMatchObject({ status: "pending", error: "it took longer than 20 s", failures: 1 });
  });

  it("S32 sends nothing more to a target that is closed for good, until a redelivery arrives", async () => {
    const adapter = post({ outcome: "failed", error: "410", gone: true }, ok);
    const world = worldWith(adapter);
    await finish(world);
    await deliver(world);
    expect(await row(world)).toMatchObject({ status: "dead", gone: true });
    await finish(world, { id: "s" });
    await deliver(world);
    expect(adapter.seen).toHaveLength(1);
    expect(await row(world, "s.d0")).toMatchObject({ status: "dead", error: expect.stringContaining("closed for good") });
    await world.executor.redeliver("r.d0");
    await deliver(world);
    await finish(world, { id: "t" });
    await deliver(world);
    expect(adapter.seen.map(({ id }) => id)).toEqual(["r.d0", "r.d0", "t.d0"]);
  });

  it("S32 redelivers what was delivered or given up, under the same id", async () => {
    const adapter = post({ outcome: "failed", error: "no", permanent: true }, ok, ok);
    const world = worldWith(adapter);
    await finish(world);
    await deliver(world);
    for (const attempts of [2, 3]) {
      await world.executor.redeliver("r.d0");
      expect(await deliver(world)).toEqual({ delivered: ["r.d0"], failed: [] });
      expect(await row(world)).toMatchObject({ status: "delivered", attempts });
    }
    expect(new Set(adapter.seen.map(({ id, body }) => id + body)).size).toBe(1);
    await expect(world.executor.redeliver("nobody.d0")).rejects.toMatchObject({ code: "delivery_unknown" });
  });

  it("S32 refuses a target that nobody can deliver to before the run begins", async () => {
    const world = worldWith({
      ...post(),
      check: ({ id }) => {
        if (id === undefined) throw new Error("no id");
      },
    });
    const start = (delivery: RunRequest["delivery"]) =>
      world.executor.start(agent, { input: "go", ...(delivery === undefined ? {} : { delivery }) });
    await expect(start({ kind: "pots" })).rejects.toMatchObject({ code: "request_invalid", hint: "Did you mean post?" });
    await expect(start({ kind: "post" })).rejects.toThrow("no id");
    await expect(start({ kind: "post", id: "x", options: { f: () => 1 } as never })).rejects.toThrow("not JSON");
    expect(await world.store.runs.list()).toEqual([]);
  });

  it("S32 has so many under way at once, and one per target", async () => {
    let now = 0;
    let most = 0;
    const order: string[] = [];
    const adapter: DeliveryAdapter = {
      kind: "post",
      deliver: async ({ id }) => {
        order.push(id);
        most = Math.max(most, ++now);
        await turns(3);
        now--;
        return ok;
      },
    };
    const world = worldWith(adapter, { delivery: { adapters: [adapter], concurrency: 3 } });
    await finish(world, { delivery: Array.from({ length: 10 }, (_, i) => ({ kind: "post", id: `box ${i}` })) });
    await deliver(world);
    expect(await world.executor.deliveries({ status: ["delivered"] })).toHaveLength(10);
    expect(most).toBe(3);
    most = 0;
    await finish(world, { id: "s", delivery: Array.from({ length: 4 }, () => to) });
    await deliver(world);
    expect(order.slice(10)).toEqual(["s.d0", "s.d1", "s.d2", "s.d3"]);
    expect(most).toBe(1);
  });

  it("S32 leaves what is under way at a shutdown to the next process, without counting it as a failure", async () => {
    const world = worldWith(post("hangs"));
    await finish(world);
    await turns();
    await world.clock.until(world.executor.shutdown({ graceMs: 100 }));
    expect(await row(world)).toMatchObject({ status: "pending", failures: 0, attempts: 1 });
    const adapter = post();
    const next = worldWith(adapter, { from: { ...world, store: world.store.peer("memory/2") } });
    await next.executor.recover();
    await deliver(next);
    expect(adapter.seen.map(({ id, attempt }) => [id, attempt])).toEqual([["r.d0", 2]]);
  });

  it("S32 waits at a shutdown for what is under way", async () => {
    const slow: DeliveryAdapter = { kind: "post", deliver: async () => (await turns(), ok) };
    const world = worldWith(slow);
    await finish(world);
    await world.executor.shutdown();
    expect(await row(world)).toMatchObject({ status: "delivered" });
  });

  it("S32 sets one timer, for the delivery that is due next, and none without deliveries", async () => {
    const adapter = post(busy);
    const world = worldWith(adapter);
    await finish(world, { delivery: [] });
    expect(world.clock.pending).toBe(0);
    await finish(world, { id: "s", delivery: Array.from({ length: 5 }, (_, i) => ({ kind: "post", id: `box ${i}` })) });
    await turns();
    expect(adapter.seen).toHaveLength(5);
    expect(world.clock.pending).toBe(1);
    await world.executor.shutdown();
    expect(world.clock.pending).toBe(0);
  });

  it("S32 gives up what ended every process that tried to send it", async () => {
    const adapter = post();
    const world = worldWith(adapter);
    const { store, clock } = world;
    await store.runs.create(newRun("r"));
    const outbox = [{ id: "r.d0", target: to, body: "{}" }];
    await store.journal.append(batch("r", { at: clock.now(), events: [SETTLING, FINISHED], outbox }));
    for (let attempt = 1; attempt <= 30; attempt++) {
      const other = store.peer(`dead/${attempt}`);
      const at = clock.now();
      expect(await other.outbox.claim({ kinds: ["post"], at, until: at + 60_000, limit: 1 })).toMatchObject([
        { attempts: attempt },
      ]);
      other.die();
    }
    await deliver(world);
    expect(adapter.seen).toEqual([]);
    expect(await row(world)).toMatchObject({ status: "dead", error: expect.stringContaining("too many attempts ended") });
  });

  it("S32 writes down that it has arrived once the store can be written again, and does not send it twice", async () => {
    const adapter = post();
    const world = worldWith(adapter, { through: (store) => faultyStore(store, [{ method: "outbox.record", at: [0, 1] }]) });
    await finish(world);
    await deliver(world);
    expect(await row(world)).toMatchObject({ status: "delivered", attempts: 1 });
    expect(adapter.seen).toHaveLength(1);
  });

  it("S32 S10 keeps registered secrets out of what targets say", async () => {
    const adapter = post({ outcome: "failed", error: "no user hunter2-hunter2", permanent: true });
    const warnings: string[] = [];
    const observers = [{ warning: (_run: string, message: string) => warnings.push(message) }];
    const world = worldWith(adapter, { observers, secrets: ["hunter2-hunter2"] });
    await finish(world);
    await deliver(world);
    expect(JSON.stringify(await world.executor.deliveries())).not.toContain("hunter2-hunter2");
    expect(warnings.join()).not.toContain("hunter2-hunter2");
  });

  it("S32 S10 refuses a target that holds a registered secret: it would be kept, and delivered to, without it", async () => {
    const secret = "p/ss word+of the DB";
    const target: DeliveryTarget = { kind: "post", url: `https://x.test/in?token=${encodeURIComponent(secret)}` };
    const world = worldWith(
      { ...post(), check: ({ url }) => expect(url).toBeUndefined() },
      { secrets: [{ name: "DB", value: secret }] },
    );
    const own: Agent = { ...agent, delivery: { kind: "post", id: `out/${secret}.json` } };
    const starts = [
      world.executor.start(agent, { input: "go", delivery: [to, target] }),
      world.executor.start(agent, { input: "go", delivery: { kind: secret } }),
      world.executor.start(own, { input: "go" }),
    ];
    const errors = await Promise.all(
      starts.map((start) =>
        start.then(
          () => undefined,
          (error: unknown) => error,
        ),
      ),
    );
    expect(errors.map((error) => (error as ExecutusError).code)).toEqual(Array(3).fill("request_invalid"));
    const words = errors.map((error) => (error as ExecutusError).message);
    expect(words[0]).toContain('{"kind":"post","url":"https://x.test/in?token=[redacted DB]"} holds a registered secret');
    expect(words[1]).toContain("[redacted DB]");
    expect(words[2]).toContain("out/[redacted DB].json");
    expect((errors[0] as ExecutusError).hint).toContain("Let the adapter hold the secret");
    expect(await world.store.runs.list()).toEqual([]);
    // Who has no need of them is not told of them, and names of credentials are no secrets.
    const delivery = { kind: "post", id: "box", credential: "DB" };
    const free = worldWith(post(), { secrets: [{ name: "DB", value: secret }] });
    expect(await free.clock.until(free.executor.run(own, { input: "go", delivery }))).toMatchObject({ status: "completed" });
  });
});

async function turns(n = 30): Promise<void> {
  for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
}
