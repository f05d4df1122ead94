/** Tools that agent files of other programs name, and what here does the same. */

/** The same thing under our name; none: there is nothing here that does it. */
const ELSEWHERE: ReadonlyMap<string, string | undefined> = new Map([
  ["Read", "read_file"],
  ["read", "read_file"],
  ["Write", "write_file"],
  ["write", "write_file"],
  ["Grep", "search_files"],
  ["grep", "search_files"],
  ["Glob", "list_files"],
  ["glob", "list_files"],
  ["LS", "list_files"],
  ["list", "list_files"],
  ...[
    ["Bash", "BashOutput", "KillShell", "Edit", "MultiEdit", "NotebookRead", "NotebookEdit", "WebFetch", "WebSearch"],
    ["Agent", "Task", "TaskCreate", "TaskGet", "TaskList", "TaskUpdate", "TaskOutput", "TaskStop", "TodoRead", "TodoWrite"],
    ["TeamCreate", "TeamDelete", "SendMessage", "Skill", "SlashCommand", "ExitPlanMode", "AskUserQuestion", "ToolSearch", "LSP"],
    ["bash", "edit", "patch", "webfetch", "websearch", "todoread", "todowrite", "task", "skill", "question", "lsp"],
  ]
    .flat()
    .map((name): [string, undefined] => [name, undefined]),
]);

/** For `permission`: what a person who forbids this means of our tools. */
const COVERS: ReadonlyMap<string, readonly string[]> = new Map([
  ["edit", ["write_file", "append_file"]],
  ["Edit", ["write_file", "append_file"]],
]);

/** The file tools that only look. */
export const READING_TOOLS: readonly string[] = ["list_files", "read_file", "search_files"];

export interface SettledNames {
  /** In the order of the agent; names of other programs replaced by ours. */
  readonly names: readonly string[];
  /** Well-known tools of other programs that are not there: the agent goes without them. */
  readonly absent: readonly string[];
}

/** An agent's tool names against those that there are. A name of neither kind stays, for the registry to refuse. */
export function settleNames(wanted: readonly string[], available: readonly string[]): SettledNames {
  const names = new Set<string>();
  const absent: string[] = [];
  for (const name of wanted) {
    const same = ELSEWHERE.get(name);
    if (available.includes(name)) names.add(name);
    else if (same !== undefined && available.includes(same)) names.add(same);
    else if (ELSEWHERE.has(withoutArguments(name))) absent.push(name);
    else names.add(name);
  }
  return { names: [...names], absent };
}

/** `Bash(git log:*)` is Bash. */
function withoutArguments(name: string): string {
  return name.replace(/\(.*\)$/, "");
}

/** Our names that a rule about this name is meant for too. */
export function coveredBy(name: string): readonly string[] {
  const same = ELSEWHERE.get(name);
  return COVERS.get(name) ?? (same === undefined ? [] : [same]);
}
