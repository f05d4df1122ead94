/** What a scripted model says in simulated worlds, where runs take more steps than undisturbed. */
import type { ModelCall, ModelCandidate } from "../../ports/models.ts";
import { answerOf, type Script, type ScriptedAnswer, scriptedModel } from "../scripted-model.ts";
import { watchScript } from "../watched-script.ts";

export interface SimulatedScript {
  readonly candidate: ModelCandidate | undefined;
  /** That it had nothing to say: whatever runs did then, it is not what they were to be tried with. */
  readonly problem: string | undefined;
  /** That it called a tool which the model was never offered. */
  readonly unknownTool: string | undefined;
}

export async function simulatedScript(script: Script): Promise<SimulatedScript> {
  let problem: string | undefined;
  const watch = watchScript(async (call) => {
    try {
      return await answerOf(Array.isArray(script) ? lasting(script as readonly ScriptedAnswer[], call) : script, call);
    } catch (error) {
      problem ??= error instanceof Error ? error.message : String(error);
      throw error;
    }
  });
  const [candidate] = await scriptedModel(watch.script).resolve("");
  return {
    candidate,
    get problem() {
      return problem;
    },
    get unknownTool() {
      return watch.unknownTool;
    },
  };
}

/** Whoever steers a run at its end hears the last answer again. */
function lasting(script: readonly ScriptedAnswer[], { step }: ModelCall): Script {
  const last = script.at(-1);
  const isOver = step >= script.length && last !== undefined && (last.calls ?? []).length === 0;
  return isOver ? () => last : script;
}
