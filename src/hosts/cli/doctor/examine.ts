/** What `doctor` looks at. */
import { examineMachine } from "./machine.ts";
import { examineModels } from "./models.ts";
import { examineStore } from "./store.ts";

export interface Finding {
  readonly level: "ok" | "warn" | "bad";
  readonly what: string;
  readonly text: string;
  /** What to do about it. */
  readonly hint?: string;
  /** Of the whole command, for `bad`. */
  readonly exitCode?: number;
}

export interface Examination {
  readonly db: string;
  readonly modelsFile?: string;
}

export async function examine(examination: Examination): Promise<readonly Finding[]> {
  const parts = [examineMachine, examineStore, examineModels];
  const findings: Finding[] = [];
  for (const part of parts) findings.push(...(await part(examination)));
  return findings;
}
