/** `replay` of a run in the store, against its own definition or another one. */
import { initialState } from "../kernel/evolve.ts";
import type { RunState } from "../kernel/state.ts";
import type { Replay } from "../ports/plan.ts";
import { checkJournal } from "./check-journal.ts";
import type { Core } from "./core.ts";
import { differenceOf } from "./find-code.ts";
import { type Against, replay } from "./replay.ts";
import { threadOfRun, unknownRun } from "./takeover.ts";
import { resolveSources } from "./resolve-sources.ts";
import { buildToolbox } from "./toolbox.ts";
import type { Agent } from "./types.ts";

export async function replayRun(core: Core, run: string, agent: Agent | undefined): Promise<Replay> {
  const events = await core.store.journal.read(run);
  checkJournal(run, events);
  const first = events[0];
  if (first?.type !== "run.started") throw unknownRun(run);
  const thread = await threadOfRun(core, run, first);
  const against = agent === undefined ? undefined : await toAgainst(core, initialState(first, first, thread), agent);
  return replay(events, { against, thread });
}

/** A definition that is the same may still have other code to check arguments with. */
async function toAgainst(core: Core, state: RunState, agent: Agent): Promise<Against> {
  const difference = await differenceOf(core, state, agent);
  const { isFromSource } = resolveSources(core, agent, {});
  const own = await buildToolbox(agent, core.config, {}, isFromSource);
  const { definition, limits, models } = state;
  return {
    definition: difference?.definition ?? { agent: definition, limits, models, changes: [] },
    tools: new Map(own.map((tool) => [tool.name, tool])),
    own: new Set(definition.tools.slice(0, definition.ownTools).map(({ name }) => name)),
  };
}
