/** What simulations draw from a seed: an agent with a tool of every kind, and some of the features that a run can meet, never all. */
import { defineTool } from "../../src/adapters/tools/define-tool.ts";
import type { Agent } from "../../src/ports/definition.ts";
import type { Budget } from "../../src/ports/budget.ts";
import type { Compactor } from "../../src/ports/compactor.ts";
import type { DeliveryAdapter } from "../../src/ports/delivery.ts";
import type { Supervisor } from "../../src/ports/supervision.ts";
import type { ToolSource } from "../../src/ports/tool-source.ts";
import { type SeededRandom, seededRandom } from "../../src/testing/seeded-random.ts";
import type { SimulatedPlace, SimulateOptions } from "../../src/testing/simulate.ts";
import { simulatedAgent } from "./simulated-agent.ts";

const FEATURES = [
  "lanes",
  "delivery",
  "budgets",
  "compaction",
  "sources",
  "background",
  "phases",
  "bounds",
  "supervision",
] as const;
export type Feature = (typeof FEATURES)[number];

/** Two of them, or three; every fourth seed has none. The same for both processes. */
export function featuresOf(seed: number): ReadonlySet<Feature> {
  const random = drawing(seed);
  const features = new Set<Feature>();
  if (seed % 4 === 0) return features;
  for (let i = 2 + random.below(2); i > 0; i--) features.add(random.pick(FEATURES));
  return features;
}

/** Other numbers than those that the world is played with. */
function drawing(seed: number): SeededRandom {
  return seededRandom(seed * 7_919 + 13);
}

export function agentOf({ seed, random }: Pick<SimulatedPlace, "seed" | "random">): Agent {
  const has = featuresOf(seed);
  const subject = simulatedAgent(random);
  const helpers = (subject.delegates ?? []).filter((delegate) => typeof delegate === "object");
  return {
    ...subject,
    ...(has.has("sources") ? { sources: [box, { source: "shelf", optional: true }] } : {}),
    ...(has.has("background") ? { delegates: [...helpers, { ...errand, background: true }] } : {}),
    ...(has.has("phases") ? { phases } : {}),
    ...(has.has("compaction") ? { tools: [page, letter, ...(subject.tools ?? [])] } : {}),
    ...(has.has("delivery") ? { delivery: targets } : {}),
    ...(has.has("bounds") ? { limits: { tokens: 12_000, parallelChildren: 2, maxSteps: 8 } } : {}),
    ...(has.has("supervision") ? { supervision: watching, limits: { idleMs: 1_000, maxSteps: 5, tokens: 12_000 } } : {}),
  };
}

export const simulatedFeatures: SimulateOptions = {
  contextTokens: (seed) => (featuresOf(seed).has("compaction") ? 1_200 : undefined),
  request: ({ seed, run }) =>
    featuresOf(seed).has("lanes") ? { lane: `lane-${run.length % 2}`, priority: run.endsWith("1") ? 1 : 0 } : {},
  config: ({ seed, random }) => {
    const has = featuresOf(seed);
    return {
      sources: [shelf],
      delivery: { adapters: [post] },
      ...(has.has("lanes") ? { lanes: lanesOf(seed) } : {}),
      ...(has.has("budgets") ? { budgets: budgetsOf(seed) } : {}),
      ...(has.has("compaction") ? { compactor } : {}),
      ...(has.has("supervision") ? { supervisor: supervisorOf(random) } : {}),
    };
  },
};

function lanesOf(seed: number) {
  const random = drawing(seed + 1);
  const concurrency = 1 + random.below(2);
  return { "lane-*": { concurrency, ...(random.chance(0.5) ? { total: 1 + random.below(2) } : {}) } };
}

function budgetsOf(seed: number): readonly Budget[] {
  const random = drawing(seed + 2);
  return [
    { per: "tree", window: "run", limit: { calls: 4 + random.below(20) } },
    { per: "all", window: "month", limit: random.chance(0.5) ? { tokens: 8_000 + random.below(60_000) } : { usd: 0.05 } },
  ];
}

/** What it decides is in the journal: both processes need not agree. */
function supervisorOf(random: SeededRandom): Supervisor {
  return {
    name: "drawn",
    decide: async ({ stall }) => {
      const reason = stall.message;
      const what = random.next();
      if (what < 0.35) return { action: "nudge", message: `Mind stall ${stall.stall} (${random.below(1_000_000)}).`, reason };
      if (what < 0.6) return { action: "extend", extend: { steps: 1 + random.below(3), timeMs: 5_000, tokens: 4_000 }, reason };
      if (what < 0.8) return { action: "ask", question: "Go on?", ...(random.chance(0.5) ? { deadlineMs: 3_000 } : {}), reason };
      return what < 0.9 ? { action: "kill", reason } : { action: "leave", reason };
    },
  };
}

// --- what they are made of -------------------------------------------------------------------------------------------

const input = { type: "object", properties: { n: { type: "integer", minimum: 1, maximum: 50 } }, required: ["n"] } as const;

const errand: Agent = {
  name: "errand",
  instructions: "Run an errand.",
  description: "Runs errands, while others go on.",
  tools: [defineTool({ name: "fetch", description: "Fetches.", input, onUnknown: "ask", execute: ({ n }) => `fetched ${n}` })],
};

const watching = { afterSteps: 1, costFactor: 1.5, decisions: 4, deadlineMs: 1_500 };

const text = "A long page of text. ".repeat(25);
const page = defineTool({
  name: "page",
  description: "Reads a page.",
  input,
  effect: "read",
  execute: ({ n }) => `${n}: ${text}`,
});
const letter = defineTool({
  name: "letter",
  description: "Writes a letter.",
  input,
  onUnknown: "ask",
  execute: ({ n }) => `letter ${n}: ${text}`,
});

const phases = [
  { name: "Find", instructions: "Find out about {{Input}}.", limits: { maxSteps: 3 } },
  { name: "Tell", instructions: "Tell.", input: "It was found: {{.Find}}" },
];

const targets = [
  { kind: "post", id: "here" },
  { kind: "post", id: "there" },
];
const post: DeliveryAdapter = { kind: "post", deliver: () => Promise.resolve({ outcome: "delivered" }) };

const boxed = defineTool({
  name: "box__put",
  description: "Puts into the box.",
  input,
  onUnknown: "ask",
  execute: ({ n }) => `put ${n}`,
});
const shelved = defineTool({
  name: "shelf__see",
  description: "Sees.",
  input,
  effect: "read",
  execute: ({ n }) => `saw ${n}`,
});

const box: ToolSource = {
  name: "box",
  open: ({ key }) =>
    Promise.resolve({
      tools: [boxed],
      cleanup: { folder: key },
      afterRun: ({ output }) => Promise.resolve({ artifacts: [{ name: "report.md", content: `# ${output}` }] }),
    }),
  cleanup: () => Promise.resolve(),
};

const shelf: ToolSource = {
  name: "shelf",
  open: () =>
    Promise.resolve({
      tools: [shelved],
    }),
  cleanup: () => Promise.resolve(),
};

const compactor: Compactor = {
  compact: ({ number, messages }) =>
    Promise.resolve({
      summary: `Summary ${number} of ${messages.length} messages.`,
      keep: 2,
      spent: { model: "simulated/model", usage: { inputTokens: 50, outputTokens: 10 }, costUsd: 0.00007 },
    }),
};
