/** `show RUN --tree`: a run and everything below it. */
import type { RunRow, Store } from "../../../ports/store.ts";
import type { RunStatus, WaitingFor } from "../../../ports/view.ts";
import { statusWords, toneOfEnd } from "./event-lines.ts";
import { count, money, plural } from "./figures.ts";
import { type Line, paintLine } from "./line.ts";
import type { Terminal, Tone } from "./terminal.ts";
import { oneLine } from "./text.ts";

export interface RunNode extends RunRow {
  readonly children: readonly RunNode[];
}

/** The oldest child first. */
export async function readTree(store: Store, top: RunRow): Promise<RunNode> {
  const below = await store.runs.list({ root: top.root ?? top.run, limit: Infinity });
  const byParent = new Map<string, RunRow[]>();
  for (const row of below.toReversed()) byParent.set(row.parent ?? "", [...(byParent.get(row.parent ?? "") ?? []), row]);
  const toNode = (row: RunRow): RunNode => ({ ...row, children: (byParent.get(row.run) ?? []).map(toNode) });
  return toNode(top);
}

export function treeLines(node: RunNode, terminal: Terminal): readonly string[] {
  return linesOf(node, { here: "", below: "" }).map((line) => paintLine(terminal, line));
}

function linesOf(node: RunNode, rule: { readonly here: string; readonly below: string }): readonly Line[] {
  const { run, agent, status, step, tokens, costUsd, waitingFor } = node;
  const used = [plural(step, "step"), `${count(tokens)} tokens`, money(costUsd)];
  const line: Line = [
    ["dim", rule.here],
    ["bold", oneLine(agent)],
    ["plain", ` ${run} `],
    [toneOf(status), statusWords(status)],
    ["dim", `  ${used.join(", ")}${waitingFor === undefined ? "" : `, ${waitingText(waitingFor)}`}`],
  ];
  const last = node.children.length - 1;
  const below = node.children.flatMap((child, i) =>
    linesOf(child, { here: `${rule.below}${i === last ? "└ " : "├ "}`, below: `${rule.below}${i === last ? "  " : "│ "}` }),
  );
  return [line, ...below];
}

function toneOf(status: RunStatus): Tone {
  return status === "interrupted" || status === "waiting" ? "warn" : toneOfEnd(status);
}

function waitingText(waitingFor: WaitingFor): string {
  return waitingFor.kind === "child"
    ? `for ${plural(waitingFor.runs.length, "child")}`.replace("childs", "children")
    : `for ${statusWords(waitingFor.kind)}`;
}
