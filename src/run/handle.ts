/** What a caller holds of a run, whoever drives it. */
import type { RunEvent } from "../ports/events.ts";
import type { UserPart } from "../ports/messages.ts";
import type { SendResult } from "../ports/store.ts";
import type { Core } from "./core.ts";
import { followEvents } from "./follow.ts";
import { sendCommand } from "./send.ts";
import type { EventsOptions, RunHandle, RunResult, SteerOptions } from "./types.ts";

export class Handle implements RunHandle {
  readonly run: string;
  readonly result: Promise<RunResult>;
  readonly #core: Core;

  constructor(core: Core, run: string, result: Promise<RunResult>) {
    this.run = run;
    this.result = result;
    this.#core = core;
  }

  events(options?: EventsOptions): AsyncIterable<RunEvent> {
    return followEvents(this.#core, this.run, options);
  }

  steer(content: string | readonly UserPart[], options: SteerOptions = {}): Promise<SendResult> {
    const { afterStep, when, ...entry } = options;
    return sendCommand(
      this.#core,
      this.run,
      { kind: "steer", content, ...(afterStep === undefined ? {} : { afterStep }), ...(when === undefined ? {} : { when }) },
      entry,
    );
  }

  cancel(reason?: string): Promise<SendResult> {
    return sendCommand(this.#core, this.run, { kind: "cancel", ...(reason === undefined ? {} : { reason }) });
  }

  kill(reason?: string): Promise<SendResult> {
    return sendCommand(this.#core, this.run, { kind: "kill", ...(reason === undefined ? {} : { reason }) });
  }
}
