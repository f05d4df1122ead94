/** One seed: a world in trouble, then a quiet one in which everything must come to its end. */
import { hash } from "node:crypto";
import type { RunEvent } from "../../ports/events.ts";
import { Person } from "./person.ts";
import { type Worker, World, type WorldOptions } from "./world.ts";

export interface SeedResult {
  readonly seed: number;
  /** Of every event and delivery of all runs: the same whenever the seed is played again. */
  readonly hash: string;
  /** The first thing that must not have happened; undefined: none. */
  readonly problem: string | undefined;
  /** Why the first start was refused that was refused for good. */
  readonly refused: string | undefined;
  /** What was done to the world, oldest first. */
  readonly trace: readonly string[];
  /** What the journals have, one line for each event. */
  readonly journals: readonly string[];
  readonly runs: number;
  readonly events: number;
  readonly crashes: number;
  readonly pauses: number;
  /** Effects of processes that had lost their run and did not know it yet. */
  readonly lateEffects: number;
}

/** Virtual ms in which things go wrong, at most. */
const TROUBLE_MS = 16_000;
const DAY_MS = 86_400_000;
/** How often it is looked whether that was all, virtual ms. */
const SLICE_MS = 500;
/** What comes after the trouble, virtual ms at most: longer than any limit of a run. */
const QUIET_MS = 300_000;

/** A process that has lost a run notices when what it does for it comes back, which takes no longer. */
const LINGER_MS = 30_000;

const SLOTS = ["a", "b"];

export async function playSeed(options: WorldOptions): Promise<SeedResult> {
  const world = new World(options);
  const person = new Person(world);
  const counts = { crashes: 0, pauses: 0 };
  for (const slot of SLOTS) world.boot(slot);
  const trouble = scheduleTrouble(world, person, counts);
  let isWell = true;
  while (isWell && trouble.left > 0) isWell = await world.runUntil(world.schedule.now + SLICE_MS);
  if (isWell) await calm(world, person);
  if (world.oracle.problems.length === 0) {
    await world.oracle.conclude();
    await person.conclude();
    await world.conclude();
  }
  const kept = await keptBy(world);
  return {
    seed: options.seed,
    hash: hash("sha256", kept.text),
    problem: world.oracle.problems[0],
    refused: person.refused,
    trace: world.trace,
    journals: kept.lines,
    runs: kept.runs,
    events: kept.events,
    ...counts,
    lateEffects: world.oracle.lateEffects,
  };
}

interface Trouble {
  /** What has not happened yet. */
  left: number;
}

function scheduleTrouble(world: World, person: Person, counts: { crashes: number; pauses: number }): Trouble {
  const { schedule, outside } = world;
  const { random } = schedule;
  const trouble = { left: 0 };
  const add = (within: { readonly from: number; readonly ms: number }, happen: () => void): void => {
    trouble.left++;
    schedule.after(within.from + random.next() * within.ms, undefined, () => {
      trouble.left--;
      happen();
    });
  };
  for (let i = random.below(3); i >= 0; i--) add({ from: 0, ms: 2_000 }, () => person.start(`run-${i}`));
  for (let i = random.below(14); i > 0; i--)
    add({ from: 2_000, ms: TROUBLE_MS }, () =>
      world.expect(
        outside.do(() => person.act()),
        "what a person does",
      ),
    );
  for (let i = random.below(6); i > 0; i--) add({ from: 0, ms: TROUBLE_MS }, () => disturb(world, counts));
  return trouble;
}

/** Something happens to one of the processes. */
function disturb(world: World, counts: { crashes: number; pauses: number }): void {
  const { schedule, workers } = world;
  const { random } = schedule;
  const worker = workers.get(random.pick(SLOTS));
  if (worker === undefined || worker.host.isDead) return;
  const what = random.next();
  if (what < 0.4) {
    counts.crashes++;
    world.crash(worker);
    schedule.after(random.next() * 6_000, undefined, () => world.boot(worker.slot));
  } else if (what < 0.75) {
    counts.pauses++;
    worker.host.pause(random.next() * 12_000);
    world.log(`${worker.host.name} is stopped until ${worker.host.pausedUntil.toFixed(1)}`);
  } else if (what < 0.9) {
    worker.host.wallOffset += random.pick([-DAY_MS, DAY_MS, -60_000, 60_000]);
    world.log(`the clock of ${worker.host.name} is wrong by ${worker.host.wallOffset} ms`);
  } else {
    world.log(`${worker.host.name} shuts down`);
    world.expect(shutDown(world, worker), `the shutdown of ${worker.host.name}`);
  }
}

async function shutDown(world: World, { executor, host, slot }: Worker): Promise<void> {
  await executor.shutdown({ graceMs: world.schedule.random.next() * 2_000 });
  if (host.isDead) return;
  host.isDead = true;
  world.boot(slot);
}

// --- the quiet after it ----------------------------------------------------------------------------------------------

async function calm(world: World, person: Person): Promise<void> {
  const { premises, trouble, schedule, workers, oracle } = world;
  world.log("from here on nothing goes wrong");
  Object.assign(premises.faults, { before: 0, after: 0, slow: 0 });
  for (const name of Object.keys(trouble)) Object.assign(trouble, { [name]: 0 });
  for (const { slot, host } of workers.values()) {
    host.wallOffset = 0;
    host.wake();
    if (host.isDead) world.boot(slot);
  }
  const since = schedule.now;
  let end = since + QUIET_MS;
  while (schedule.now < end) {
    person.insist();
    await person.answerAll();
    // People take their time, but not for ever.
    const pause = Math.min(SLICE_MS + (schedule.now - since) / 2, 10 * SLICE_MS);
    if (!(await world.runUntil(schedule.now + pause))) return;
    if (!(await person.isThrough())) continue;
    if (!oracle.sources.areOpen) return;
    end = Math.min(end, schedule.now + LINGER_MS);
  }
}

interface Kept {
  readonly text: string;
  readonly lines: readonly string[];
  readonly runs: number;
  readonly events: number;
}

async function keptBy({ store }: World): Promise<Kept> {
  const rows = (await store.runs.list({ limit: Infinity })).toSorted((a, b) => (a.run < b.run ? -1 : 1));
  const parts: unknown[] = [];
  const lines: string[] = [];
  for (const { run } of rows) {
    const journal = await store.journal.read(run);
    for (const event of journal) lines.push(toLine(run, event));
    parts.push(run, journal, await store.outbox.list({ run, limit: Infinity }));
  }
  return { text: JSON.stringify(parts), lines, runs: rows.length, events: lines.length };
}

function toLine(run: string, event: RunEvent): string {
  const { seq, epoch, activeMs, at: _at, type, ...body } = event;
  const about = Object.entries(body).filter(([, value]) => typeof value !== "object");
  const said = about.map(([name, value]) => `${name}=${String(value).slice(0, 40)}`).join(" ");
  return `${run} ${seq} epoch ${epoch} active ${activeMs}  ${type} ${said}`;
}
