/** What the script does next: it depends only on the conversation so far, so a resumed run goes on where it was. */
import type { Message } from "executus";
import { contentOf, type Finding, findingsOf, listed, notesOn, readingOf, type Result, resultsOf } from "./stock.ts";

export interface Turn {
  readonly text: string;
  readonly calls: readonly Call[];
}

export interface Call {
  readonly tool: string;
  readonly input: Readonly<Record<string, string>>;
}

const LEDGER = "out/ledger.csv";
const COLUMNS = "sku,expected,counted,difference,value_eur,reading";

/** The script's next answer, counted by how many it has given. `folder`: where the reader finds the files. */
export function nextTurn(messages: readonly Message[], folder: string): Turn {
  const answers = messages.filter(({ role }) => role === "assistant").length;
  const results = resultsOf(messages);
  const findings = findingsOf(results);
  const looking = LOOKING[answers];
  if (looking !== undefined) return looking(results, findings);
  const finding = findings[answers - LOOKING.length];
  if (finding !== undefined) return writeDown(results, findings, finding);
  const ending = ENDING[answers - LOOKING.length - findings.length];
  return ending === undefined ? summary(results, findings, { messages, folder }) : ending(results, findings);
}

type Step = (results: readonly Result[], findings: readonly Finding[]) => Turn;

const LOOKING: readonly Step[] = [
  () => ({
    text: "I begin by looking at what there is. The shop has put its papers for May into this folder, and I want to know all of them before I trust any.",
    calls: [{ tool: "list_files", input: {} }],
  }),
  (results) => ({
    text: `There are ${listed(results, "").length} files at the top and folders for deliveries, counts and notes. First the guide, the price list and what was on the shelves on the first of May; these three belong together.`,
    calls: read(["README.md", "prices.csv", "opening.csv"]),
  }),
  (results) => ({
    text: `Now everything that came in. ${listed(results, "deliveries").length} deliveries are on file, and I take them as the delivery notes have them; whether that is what came through the door is another question.`,
    calls: read(listed(results, "deliveries")),
  }),
  (results) => ({
    text: "Next what went out over the till, and what Anna and Ben counted on the last evening, one list for each room.",
    calls: read(["sales.csv", ...listed(results, "counts")]),
  }),
  (_results, findings) => ({
    text: `Opening plus deliveries minus sales, against the two counts: ${findings.length} articles do not add up or have no price (${findings.map(({ sku }) => sku).join(", ")}). Before I call anything missing I search the notes for each of them.`,
    calls: findings.map(({ sku }) => ({ tool: "search_files", input: { text: sku, folder: "notes" } })),
  }),
  (results, findings) => {
    const paths = [...new Set(findings.flatMap(({ sku }) => notesOn(results, sku).map(({ path }) => path)))];
    return {
      text: "The hits are single lines, and a line without its neighbours can mislead, so I read these notes as a whole before I judge.",
      calls: read(paths),
    };
  },
];

const ENDING: readonly Step[] = [
  (results, findings) => ({
    text: "All findings are written down. The owner needs more than a table, so here is a report that says what to ask, and whom.",
    calls: [{ tool: "write_file", input: { path: "out/report.md", text: report(results, findings) } }],
  }),
  () => ({
    text: "Last I read the ledger back. If somebody pulled the plug on me on the way, this is where a line would be missing, or be there twice.",
    calls: read([LEDGER]),
  }),
];

function read(paths: readonly string[]): readonly Call[] {
  return paths.map((path) => ({ tool: "read_file", input: { path } }));
}

function writeDown(results: readonly Result[], findings: readonly Finding[], finding: Finding): Turn {
  const { sku, expected, counted, difference } = finding;
  const row = [sku, expected, counted, difference, money(finding), readingOf(finding, notesOn(results, sku))].join(",");
  const header = finding === findings[0] ? `${COLUMNS}\n` : "";
  const what = difference === 0 ? "the count is right, but nobody can tell what it is worth" : `that makes ${signed(difference)}`;
  return {
    text: `${sku}: ${expected} should be there and ${counted} are; ${what}. I write that down now, once, before I turn to the next.`,
    calls: [{ tool: "append_file", input: { path: LEDGER, text: `${header}${row}` } }],
  };
}

function report(results: readonly Result[], findings: readonly Finding[]): string {
  const sections = findings.map((finding) => {
    const { sku, expected, counted, difference } = finding;
    const worth = finding.value === undefined ? "" : `, ${money(finding)} EUR`;
    const notes = notesOn(results, sku).map(({ path, line, text }) => `- ${path}:${line}: ${text.replace(/^- /, "")}\n`);
    const head = `## ${sku}: ${signed(difference)}${worth}\n\n${expected} expected, ${counted} counted`;
    return `${head}; ${readingOf(finding, notesOn(results, sku))}.\n${notes.length > 0 ? "\n" : ""}${notes.join("")}`;
  });
  return `# Stock of May 2026\n\nAt list prices the differences come to ${total(findings)} EUR.\n\n${sections.join("\n")}`;
}

function summary(
  results: readonly Result[],
  findings: readonly Finding[],
  from: { readonly messages: readonly Message[]; readonly folder: string },
): Turn {
  const lines = contentOf(results, LEDGER).split("\n");
  const times = findings.map(({ sku }) => lines.filter((line) => line.startsWith(`${sku},`)).length);
  const once = times.every((count) => count === 1) && lines.length === findings.length + 1;
  const failed = results.filter(({ output }) => output.type.startsWith("error")).length;
  const rows = findings.map(
    (finding) => `- ${finding.sku} ${signed(finding.difference)}: ${readingOf(finding, notesOn(results, finding.sku))}`,
  );
  const text = [
    `${findings.length} articles do not add up or have no price; the difference is ${total(findings)} EUR at list prices:`,
    ...rows,
    once ? `${LEDGER} has every finding once, and none twice.` : `${LEDGER} has a finding twice, or lacks one: check it.`,
    ...(failed > 0 ? [`${failed} tool calls failed, so this may be incomplete.`] : []),
    `The files are in ${from.folder}.`,
    ...steersIn(from.messages).map((steer) => `(You said "${steer}". A script cannot take that up; a model would have.)`),
  ];
  return { text: text.join("\n"), calls: [] };
}

/** What the user said after the first request. */
function steersIn(messages: readonly Message[]): readonly string[] {
  const said = messages.filter((message) => message.role === "user").slice(1);
  return said.flatMap(({ content }) => content.flatMap((part) => (part.type === "text" ? [part.text] : [])));
}

function money({ value }: Finding): string {
  return value === undefined ? "" : value.toFixed(2);
}

function total(findings: readonly Finding[]): string {
  return findings.reduce((sum, { value }) => sum + (value ?? 0), 0).toFixed(2);
}

function signed(difference: number): string {
  return difference > 0 ? `+${difference}` : String(difference);
}
