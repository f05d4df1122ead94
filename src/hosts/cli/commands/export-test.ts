import { mkdir, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import type { Command } from "commander";
import { ExecutusError } from "../../../kernel/errors.ts";
import type { RunEvent } from "../../../ports/events.ts";
import type { Store } from "../../../ports/store.ts";
import { toCassette } from "../../../testing/cassette.ts";
import { findRun } from "../find-run.ts";
import { openHost } from "../open.ts";
import { addStoreOption } from "../options.ts";
import { note, print } from "../output.ts";

interface Options {
  readonly db: string;
  readonly out: string;
  readonly agent?: string;
}

const EXAMPLES = `
Examples:
  executus export-test run_01J9 --out test
  npx vitest run test

The test passes as it is. It fails when the agent's prompt, its tools' descriptions or schemas, or what is made of them changes; no
model and no tool is called.`;

export function configure(command: Command): void {
  command
    .description("Makes a regression test of a run that has ended: a recording, and a test for vitest that plays it back.")
    .argument("<run>", "id of the run, or its beginning")
    .option("--out <dir>", "where the two files go", ".")
    .option("--agent <file>", "the agent's file; default: where the run was started from")
    .addHelpText("after", EXAMPLES)
    .action(async (run: string, options: Options) => {
      const files = await exportTest(run, options);
      for (const file of files) print(file);
      note(`Play it back: npx vitest run ${files[1] ?? ""}`);
    });
  addStoreOption(command);
}

async function exportTest(given: string, { db, out, agent }: Options): Promise<readonly string[]> {
  const host = openHost({ db, access: "read" });
  try {
    const { run } = await findRun(host.store, given);
    const events = await host.store.journal.read(run);
    const [first] = events;
    const source = agent ?? (first?.type === "run.started" ? first.agent.source : undefined);
    if (source === undefined) throw withoutFile(run);
    const cassette = toCassette(events, await journalsBefore(host.store, first));
    const name = run.replaceAll(/[^\w.-]/g, "_");
    const [tape, test] = [join(out, `${name}.cassette.json`), join(out, `${name}.test.ts`)];
    await mkdir(out, { recursive: true });
    await writeFile(tape, `${JSON.stringify(cassette, null, 1)}\n`);
    await writeFile(test, testFile({ run, name, agent: cassette.agent, source: relative(resolve(out), resolve(source)) }));
    return [tape, test];
  } finally {
    await host.close();
  }
}

/** Of the runs that it goes on from, as far as they are here. */
async function journalsBefore(store: Store, first: RunEvent | undefined): Promise<readonly (readonly RunEvent[])[]> {
  const journals = new Map<string, readonly RunEvent[]>();
  for (let at = continuedBy(first); at !== undefined && !journals.has(at);) {
    const events = await store.journal.read(at);
    journals.set(at, events);
    at = continuedBy(events[0]);
  }
  return [...journals.values()];
}

function continuedBy(first: RunEvent | undefined): string | undefined {
  return first?.type === "run.started" ? first.request.continues?.run : undefined;
}

function withoutFile(run: string): ExecutusError {
  const message = `run ${run} does not say from which file its agent came`;
  return new ExecutusError("not_supported", message, {
    run,
    hint: "Name it with --agent FILE, or use `toCassette` of executus/testing.",
  });
}

function testFile({ run, name, agent, source }: Readonly<Record<"run" | "name" | "agent" | "source", string>>): string {
  const text = (value: string): string => JSON.stringify(value);
  // An imported journal may say anything, and nothing of it is code.
  return `/** What ${agent.replaceAll(/[^\w .-]/g, "_")} did in run ${run.replaceAll(/[^\w.:-]/g, "_")}, played back: no model and no tool is called. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadAgent } from "executus";
import { type Cassette, playCassette } from "executus/testing";
import { expect, it } from "vitest";

it(${text(`${agent} does what it did in ${run}`)}, async () => {
  const cassette = JSON.parse(readFileSync(join(import.meta.dirname, ${text(`${name}.cassette.json`)}), "utf8")) as Cassette;
  const { agent, tools } = await loadAgent(join(import.meta.dirname, ${text(source)}));
  const { differences } = await playCassette(cassette, { agent, tools });
  expect(differences).toEqual([]);
});
`;
}
