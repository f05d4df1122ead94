/**
 * Takes stock of a small shop: reads its files, compares what should be there with what was counted, writes each finding
 * down once, and reports. `npm start` runs it; kill it at any moment and start it again.
 */
import { type Agent, createModels, defineAgent, fileTools, isExecutusError, type Models } from "executus";
import { scriptedModels } from "./script.ts";
import { workFolder } from "./work-folder.ts";

export const agent: Agent = defineAgent({
  name: "stocktake",
  description: "Finds out what is missing in a small shop, and why.",
  instructions: `You take stock for a small shop. README.md says what the files are.

1. Read the files; read those that belong together in parallel.
2. For every article, opening + deliveries - sales should be what was counted in both rooms together.
3. Search the notes for every article that does not add up or has no price. Notes can contradict each other: say so.
4. Add each finding to out/ledger.csv with append_file, one call per finding, with the columns
   sku,expected,counted,difference,value_eur,reading. The first one brings the line with the names of the columns.
5. Write out/report.md for the owner: what is missing or left over, what it is worth, what to ask whom.
6. Read the ledger again to check that every finding is in it once, and end with a summary of at most ten lines.`,
  // Every run works on its own copy of `data/`, so that a resumed run finds its files as it left them.
  tools: fileTools({ root: ({ run }) => workFolder(run) }),
  limits: { maxSteps: 24, timeMs: 10 * 60_000 },
});

/** What is asked when nobody asks anything. */
export const input = "Take stock for May 2026.";

/** Without a model in the environment a script stands in, so that the example needs no key and no network. */
export async function models(): Promise<Models | undefined> {
  try {
    await createModels().resolve("fast");
    return undefined;
  } catch (error) {
    return isExecutusError(error) && error.code === "model_unknown" ? scriptedModels() : undefined;
  }
}
