/** Supervision in a simulated world: one stall at a time, decided once; until then, and until a person has answered, no model is paid. */
import type { RunEvent } from "../../ports/events.ts";
import type { ModelCall } from "../../ports/models.ts";
import type { SupervisorView } from "../../ports/supervision.ts";
import type { Host } from "./host.ts";
import type { Scene } from "./scene.ts";

interface Supervised {
  noticed: number;
  decided: number;
  /** The stall that is to be decided. */
  stall: number | undefined;
  /** That a person is asked. */
  question: string | undefined;
  /** The last step that was begun. */
  step: number;
  isKilled: boolean;
  /** It has its last word: that is not held up. */
  isEnding: boolean;
  /** What the model was to be told, and before which step. */
  readonly nudges: { readonly text: string; readonly before: number }[];
  /** Its conversation was cut, or begun anew: what was said earlier may be gone. */
  isCut: boolean;
}

export class SupervisionWatch {
  readonly #scene: Scene;
  readonly #runs = new Map<string, Supervised>();

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  /** By a process that is not known to have lost the run. */
  asked({ status, stall }: SupervisorView, host: Host): void {
    const state = this.#scene.runs.get(status.run)?.check.state;
    if (!this.#scene.owns(host, status.run) || state?.supervision.stall?.stall === stall.stall) return;
    this.#scene.problem(`${host.name} asks about stall ${stall.stall} of ${status.run}, and the journal has none that is open`);
  }

  /** A nudge is told once the step that was under way is over. */
  modelCalled({ run, step, messages }: ModelCall): void {
    const known = this.#runs.get(run);
    if (known === undefined || known.isCut) return;
    const said = JSON.stringify(messages);
    for (const { text, before } of known.nudges)
      if (step >= before && !said.includes(text))
        this.#scene.problem(`the model is not told "${text}" in step ${step} of ${run}`);
  }

  note(run: string, event: RunEvent): void {
    const known = this.#runs.get(run) ?? begun();
    this.#runs.set(run, known);
    const wrong = (what: string): void => this.#scene.problem(`${run} at seq ${event.seq}: ${what}`);
    switch (event.type) {
      case "stall.noticed":
        return this.#noticed(run, known, { stall: event.stall, wrong });
      case "supervisor.decided":
        return decided(known, event, wrong);
      case "question.asked":
        if (event.call === undefined && event.question === known.question) known.question = `asked ${event.question}`;
        return;
      case "question.answered":
        if (`asked ${event.question}` === known.question) known.question = undefined;
        return;
      case "model.started":
        return begins(known, event.step, wrong);
      case "limit.reached":
        known.isEnding = true;
        return;
      case "context.compacted":
      case "phase.ended":
      case "run.forked":
        known.isCut = true;
        return;
      default:
    }
  }

  #noticed(run: string, known: Supervised, { stall, wrong }: { readonly stall: number; readonly wrong: Wrong }): void {
    const settings = this.#scene.runs.get(run)?.check.state?.agent.supervision;
    if (known.stall !== undefined) wrong(`a stall is noticed, and stall ${known.stall} is not decided`);
    if (stall !== known.noticed) wrong(`stall ${stall} is noticed after ${known.noticed} others`);
    if (known.decided >= (settings?.decisions ?? 0)) wrong(`a stall is noticed after ${known.decided} decisions`);
    known.stall = stall;
    known.noticed++;
  }
}

type Wrong = (what: string) => void;

function begun(): Supervised {
  return {
    noticed: 0,
    decided: 0,
    stall: undefined,
    question: undefined,
    step: -1,
    isKilled: false,
    isEnding: false,
    nudges: [],
    isCut: false,
  };
}

function decided(known: Supervised, event: Extract<RunEvent, { readonly type: "supervisor.decided" }>, wrong: Wrong): void {
  if (event.stall !== known.stall) wrong(`stall ${event.stall} is decided, and the open one is ${known.stall ?? "none"}`);
  known.stall = undefined;
  known.decided++;
  if (event.action === "kill") known.isKilled = true;
  if (event.action === "ask") known.question = `supervise:${event.stall}`;
  if (event.action === "nudge" && event.message !== undefined) known.nudges.push({ text: event.message, before: known.step + 1 });
}

/** Another attempt at a step that was begun before is no new one. */
function begins(known: Supervised, step: number, wrong: Wrong): void {
  if (known.isKilled) wrong(`step ${step} is begun after the supervisor decided to kill`);
  const isNew = step > known.step;
  known.step = Math.max(known.step, step);
  if (!isNew || known.isEnding) return;
  if (known.stall !== undefined) wrong(`step ${step} is begun before stall ${known.stall} is decided`);
  if (known.question !== undefined) wrong(`step ${step} is begun before a person has answered (${known.question})`);
}
