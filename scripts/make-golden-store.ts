/**
 * Writes the golden store file of this format: `test/golden/stores/format-N.db`, a run in every state in which one can be left. That of a
 * released format is never written again; a new format gets a new file.
 *
 *   node --conditions=executus-source scripts/make-golden-store.ts
 */
import { mkdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { SCHEMA_VERSION } from "../src/adapters/store/sqlite-schema.ts";
import { makeGoldenStore } from "../test/support/golden-store.ts";

const folder = join(import.meta.dirname, "../test/golden/stores");
const file = join(folder, `format-${SCHEMA_VERSION}.db`);
mkdirSync(folder, { recursive: true });
for (const suffix of ["", "-wal", "-shm"]) rmSync(file + suffix, { force: true });
await makeGoldenStore(file);
console.log(file, statSync(file).size, "bytes");
process.exit(0);
