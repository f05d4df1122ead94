/** The files beside a skill's instructions, read by its tool and never run. */
import type { SkillFiles } from "../../ports/delegates.ts";
import { confinedFolder } from "../tools/confined-folder.ts";
import { listFiles, readLines } from "../tools/read-files.ts";

const MOST_LISTED = 100;
const INSTRUCTIONS = "SKILL.md";

export function skillFiles(folder: string): SkillFiles {
  return {
    list: async () => {
      const { files } = await listFiles(await confinedFolder(folder), ".", new AbortController().signal);
      const paths = files.map(({ path }) => path).filter((path) => path !== INSTRUCTIONS);
      const more = paths.length - MOST_LISTED;
      return more > 0 ? [...paths.slice(0, MOST_LISTED), `and ${more} more`] : paths;
    },
    read: async (path, offset) => {
      try {
        return await readLines(await confinedFolder(folder), path, offset, Infinity);
      } catch (error) {
        // There is no tool of that name here; the files are listed below the instructions.
        const message = error instanceof Error ? error.message : String(error);
        throw new Error(message.replace("list_files shows what there is", "the instructions of the skill list its files"), {
          cause: error,
        });
      }
    },
  };
}
