/** What a script asks for, beside what there is: one that misspells a tool, or ends too early, tries less than it says. */
import { nearest } from "../kernel/errors.ts";
import type { ModelCall } from "../ports/models.ts";
import type { Script, ScriptedAnswer } from "./scripted-model.ts";

type Answering = (call: ModelCall) => ScriptedAnswer | Promise<ScriptedAnswer>;

export interface ScriptWatch {
  readonly script: Script;
  /** The first call of a tool that the model was never offered, so far. */
  readonly unknownTool: string | undefined;
}

export function watchScript(answer: Answering): ScriptWatch {
  const offered = new Set<string>();
  const called = new Set<string>();
  return {
    script: async (call) => {
      for (const { name } of call.tools) offered.add(name);
      const said = await answer(call);
      for (const { name } of said.calls ?? []) called.add(name);
      return said;
    },
    get unknownTool() {
      const unknown = [...called].find((name) => !offered.has(name));
      return unknown === undefined ? undefined : describeUnknown(unknown, [...offered]);
    },
  };
}

function describeUnknown(name: string, offered: readonly string[]): string {
  const near = nearest(name, offered);
  const there = offered.length === 0 ? "there are none" : `there are: ${offered.join(", ")}`;
  return `the script calls the tool ${name}, which the agent does not have (${near === undefined ? there : `did you mean ${near}?`})`;
}
