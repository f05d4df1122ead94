/** What tool sources leave in a simulated world: all of it is cleaned up, and none of it too early. */
import type { RunState } from "../../kernel/state.ts";
import type { Host } from "./host.ts";
import type { Scene } from "./scene.ts";

/** What one process holds of a source for a run. */
export interface Opening {
  readonly run: string;
  readonly source: string;
  readonly host: Host;
  isOpen: boolean;
}

interface Left {
  readonly run: string;
  readonly source: string;
  /** By a process that had lost the run, or after its end: nobody else could know of it. */
  readonly isLate: boolean;
}

export class SourceWatch {
  readonly #scene: Scene;
  readonly #openings: Opening[] = [];
  /** By run and source: what is there to be cleaned up. */
  readonly #left = new Map<string, Left>();

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  opens({ run, source, leaves, host }: Omit<Opening, "isOpen"> & { readonly leaves: boolean }): Opening {
    const isLate = !this.#scene.owns(host, run) || this.#stateOf(run)?.finished === true;
    if (leaves) this.#left.set(`${run} ${source}`, { run, source, isLate });
    const opening = { run, source, host, isOpen: false };
    this.#openings.push(opening);
    return opening;
  }

  hearsTheEnd({ run, source }: Opening, host: Host): void {
    const state = this.#stateOf(run);
    if (state?.settling === undefined) this.#scene.problem(`${source} is told of the end of ${run}, which is going on`);
    else if (this.#scene.owns(host, run) && sourceOf(state, source)?.settled === true)
      this.#scene.problem(`${host.name} tells ${source} of the end of ${run}, and the journal has it that it was told`);
  }

  cleansUp(run: string, source: string, host: Host): void {
    const state = this.#stateOf(run);
    if (state?.settling === undefined) this.#scene.problem(`${source} is cleaned up after ${run}, which is going on`);
    // One that could not be cleaned up in time may be cleaned up late.
    else if (this.#scene.owns(host, run) && this.#isSaidToBeClean(run, source))
      this.#scene.problem(`${host.name} cleans up ${source} after ${run}, and the journal has it that it was cleaned up`);
    this.#left.delete(`${run} ${source}`);
  }

  /** A tool of a source is called once its opening is durable, with what undoes it. */
  called(run: string, name: string, host: Host): void {
    const state = this.#stateOf(run);
    const source = state?.agent.tools.find((tool) => tool.name === name)?.source;
    if (state === undefined || source === undefined || !this.#scene.owns(host, run)) return;
    if (sourceOf(state, source)?.tools === undefined)
      this.#scene.problem(`${host.name} calls ${name} of ${run}, and the journal does not have that ${source} was opened`);
  }

  /** In a process that lives. */
  get areOpen(): boolean {
    return this.#openings.some(({ isOpen, host }) => isOpen && !host.isDead);
  }

  conclude(): void {
    for (const [run, { check }] of this.#scene.runs) {
      if (check.state?.finished !== true) continue;
      for (const { name, closed } of check.state.sources)
        if (!closed) this.#scene.problem(`${run} has ended, and its source ${name} was never closed`);
    }
    for (const { run, source, isLate } of this.#left.values()) {
      if (isLate || !this.#isSaidToBeClean(run, source)) continue;
      this.#scene.problem(`${source} was opened for ${run} and never cleaned up, and the journal has it that it was`);
    }
    for (const { run, source, host, isOpen } of this.#openings)
      if (isOpen && !host.isDead) this.#scene.problem(`${host.name} still has ${source} open for ${run}`);
  }

  /** What could not be cleaned up in time is in the journal, for a person. */
  #isSaidToBeClean(run: string, source: string): boolean {
    const closed = this.#scene.runs.get(run)?.closings.get(source);
    return closed !== undefined && closed.error === undefined;
  }

  #stateOf(run: string): RunState | undefined {
    return this.#scene.runs.get(run)?.check.state;
  }
}

function sourceOf(state: RunState, name: string): RunState["sources"][number] | undefined {
  return state.sources.find((source) => source.name === name);
}
