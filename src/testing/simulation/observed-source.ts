/** A tool source whose openings take time, fail, are cut off by a crash, and are counted. */
import type { OpenedSource, SourceContext, ToolSource } from "../../ports/tool-source.ts";
import { observedTool, type Place, takesTime } from "./observed-tool.ts";
import type { Opening } from "./source-watch.ts";

export function observedSource(source: ToolSource, place: Place): ToolSource {
  const { oracle, outside, schedule, trouble, host } = place;
  const { name } = source;
  const cleanup = source.cleanup?.bind(source);
  const mayFail = (what: string): void => {
    if (schedule.random.chance(trouble.sourceFails)) throw new Error(`${name} could not be ${what} in the simulation`);
  };
  return {
    ...source,
    open: async (context: SourceContext) => {
      await takesTime(place, context);
      const opening = oracle.sources.opens({ run: context.run, source: name, leaves: cleanup !== undefined, host });
      const opened = await outside.do(() => source.open(context));
      await takesTime(place, context);
      mayFail("opened");
      opening.isOpen = true;
      return observedOpening(opened, opening, { ...place, mayFail });
    },
    ...(cleanup === undefined
      ? {}
      : {
          cleanup: async (left) => {
            oracle.sources.cleansUp(left.run, name, host);
            await takesTime(place, left);
            await outside.do(() => cleanup(left));
            await takesTime(place, left);
            mayFail("cleaned up");
          },
        }),
  };
}

function observedOpening(
  opened: OpenedSource,
  opening: Opening,
  place: Place & { readonly mayFail: (what: string) => void },
): OpenedSource {
  const { oracle, outside, host } = place;
  const afterRun = opened.afterRun?.bind(opened);
  const close = opened.close?.bind(opened);
  return {
    ...opened,
    tools: opened.tools.map((tool) => observedTool(tool, place)),
    close: async () => {
      opening.isOpen = false;
      await outside.do(() => close?.());
    },
    ...(afterRun === undefined
      ? {}
      : {
          afterRun: async (ending) => {
            oracle.sources.hearsTheEnd(opening, host);
            await takesTime(place, ending);
            const left = await outside.do(() => afterRun(ending));
            place.mayFail("told of the end");
            return left;
          },
        }),
  };
}
