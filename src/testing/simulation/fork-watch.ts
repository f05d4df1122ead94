/** Forks in a simulated world: what the original did is not done again, and nothing else without a person. */
import { callKey } from "../../kernel/guards.ts";
import type { RunEvent } from "../../ports/events.ts";
import type { RunForked } from "../../ports/fork-events.ts";
import type { Tool } from "../../ports/tools.ts";
import type { Scene } from "./scene.ts";

interface Asked {
  readonly original: string;
  /** That it had. */
  readonly events: number;
}

interface Fork {
  /** Calls of the original after the fork that brought something, as far as nothing here got their result: name and arguments. */
  readonly done: Map<string, string>;
  /** Calls that a person approved here. */
  readonly approved: Set<string>;
}

export class ForkWatch {
  readonly #scene: Scene;
  readonly #asked = new Map<string, Asked>();
  readonly #forks = new Map<string, Fork>();

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  /** It is asked for when the original has so many events: no later than that its journal is read. */
  asked(run: string, of: Asked): void {
    this.#asked.set(run, of);
  }

  async note(run: string, event: RunEvent): Promise<void> {
    if (event.type === "run.forked") await this.#begun(run, event);
    const fork = this.#forks.get(run);
    if (fork === undefined) return;
    if (event.type === "approval.answered" && event.decision === "approved") fork.approved.add(event.call);
    if (event.type === "tool.ended" && event.stub !== undefined && !fork.done.delete(event.stub))
      this.#scene.problem(`the fork ${run} gives the call ${event.call} a result that another call of it got`);
  }

  called({ name, effect }: Tool, run: string, call: string): void {
    const fork = this.#forks.get(run);
    const state = this.#scene.runs.get(run)?.check.state?.calls.find(({ id }) => id === call);
    if (fork === undefined || effect === "read" || state === undefined) return;
    if ([...fork.done.values()].includes(callKey(name, state.input)))
      this.#scene.problem(`the fork ${run} makes the call ${call} of ${name}, and what it forked from made it`);
    else if (!fork.approved.has(call))
      this.#scene.problem(`the fork ${run} makes the call ${call} of ${name}, which nobody approved here`);
  }

  async #begun(run: string, { from, stubs }: RunForked): Promise<void> {
    const asked = this.#asked.get(run);
    // It may have been copied from a fork.
    if (asked?.original !== from.run) return;
    const done = new Map(stubs.map(({ call, name, input }) => [call, callKey(name, input)]));
    this.#forks.set(run, { done, approved: new Set() });
    const events = await this.#scene.store.journal.read(from.run, { limit: asked.events });
    const started = new Set(events.flatMap((event) => (event.type === "tool.started" ? [event.call] : [])));
    for (const event of events.slice(from.seq + 1)) {
      if (event.type !== "tool.ended" || !started.has(event.call) || !HAPPENED.has(event.outcome)) continue;
      if (!stubs.some(({ call }) => call === event.call))
        this.#scene.problem(
          `the fork ${run} of ${from.run} at ${from.seq} does not know what the call ${event.call} brought there`,
        );
    }
  }
}

const HAPPENED: ReadonlySet<string> = new Set(["ok", "error"]);
