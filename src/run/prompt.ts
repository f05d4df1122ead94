/** What a model is told at a step, from the state alone. */
import type { ModelEffect } from "../kernel/effects.ts";
import { toolsOf } from "../kernel/file-tool.ts";
import { view } from "../kernel/list.ts";
import type { RunState } from "../kernel/state.ts";
import type { ModelCall } from "../ports/models.ts";
import type { Mutable } from "../ports/mutable.ts";
import { askForOutput } from "./output.ts";

export function promptOf(state: RunState, effect: Pick<ModelEffect, "step" | "attempt" | "toolChoice">): ModelCall {
  const { instructions, output } = askForOutput(state);
  const call: Mutable<ModelCall> = {
    run: state.run,
    step: effect.step,
    attempt: effect.attempt,
    instructions,
    messages: view(state.messages),
    tools: toolsOf(state),
    toolChoice: effect.toolChoice,
    settings: state.agent.settings,
  };
  if (output !== undefined) call.output = output;
  return call;
}
