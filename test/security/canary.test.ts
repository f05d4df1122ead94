/**
 * A secret of its own goes in at every entrance; nothing that is left behind, shown or sent has one of them. The same for what the
 * command line prints and keeps: `test/cli/secrets.test.ts`.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createConsoleObserver } from "../../src/adapters/observers/console.ts";
import { createJsonLinesObserver } from "../../src/adapters/observers/json-lines.ts";
import { slack } from "../../src/adapters/delivery/slack.ts";
import { webhook } from "../../src/adapters/delivery/webhook.ts";
import { exportRuns } from "../../src/adapters/store/sqlite-maintenance.ts";
import { mcpServer } from "../../src/adapters/tools/mcp.ts";
import { createExecutor } from "../../src/create-executor.ts";
import type { SqliteStore } from "../../src/adapters/store/sqlite.ts";
import type { Compactor } from "../../src/ports/compactor.ts";
import type { ModelAnswer, ModelCandidate, Models } from "../../src/ports/models.ts";
import type { ToolSource } from "../../src/ports/tool-source.ts";
import type { Agent, ExecutorConfig } from "../../src/run/types.ts";
import { toCassette } from "../../src/testing/cassette.ts";
import { type Script, scriptedModel } from "../../src/testing/scripted-model.ts";
import { localServer } from "../delivery/local-server.ts";
import { newFolder, openForTest } from "../support/sqlite-store.ts";
import { makeTool } from "../support/world.ts";

const ENTRANCES = [
  "header",
  "instructions",
  "input",
  "history",
  "label",
  "caller",
  "attachment",
  "toolInput",
  "toolText",
  "toolKey",
  "toolValue",
  "toolError",
  "toolLong",
  "attached",
  "artifact",
  "artifactName",
  "sourceBytes",
  "mcpEnvironment",
  "mcpFailure",
  "providerError",
  "modelText",
  "reasoning",
  "parts",
  "streamed",
  "metadata",
  "steer",
  "answer",
  "signal",
  "childPrompt",
  "childAnswer",
  "summary",
  "webhookEcho",
  "slackToken",
  "refusal",
  "cancelReason",
] as const;

type Entrance = (typeof ENTRANCES)[number];

/** Each with characters that addresses, JSON and Base64 write in another way. */
const values = Object.fromEntries(ENTRANCES.map((name, i) => [name, `cnry+${i}/${name}&"é-secret`])) as Record<Entrance, string>;
const secrets = ENTRANCES.map((name) => ({ name: name.toUpperCase(), value: values[name] }));

function formsOf(value: string): readonly string[] {
  const base64 = Buffer.from(value).toString("base64").replace(/=+$/, "");
  return [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value), base64];
}

/** Where which of them is. */
function hits(place: string, text: string): readonly string[] {
  return ENTRANCES.filter((name) => formsOf(values[name]).some((form) => text.includes(form))).map(
    (name) => `${name} in ${place}`,
  );
}

/** Everything on disk: database, log, blobs. Read as bytes, and as text for what is not ASCII. */
function hitsOnDisk(folder: string): readonly string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return entries.flatMap(({ parentPath, name }) => {
    const bytes = readFileSync(join(parentPath, name));
    return [...hits(name, bytes.toString("utf8")), ...hits(name, bytes.toString("latin1"))];
  });
}

const helper: Agent = { name: "helper", description: "Helps.", instructions: "Help." };

const tools = [
  makeTool("tell", async (input) => {
    const { what } = input as { readonly what: string };
    if (what === "error") throw new Error(`401 for ${values.toolError}`);
    if (what === "data") return { [values.toolKey]: { deep: [values.toolValue] } };
    if (what === "long") return `${values.toolLong} `.repeat(10_000);
    return `it is ${values.toolText}`;
  }),
  makeTool("leave", async (_input, context) => {
    await context.attach([{ type: "text", text: `see ${values.attached}` }]);
    await context.addArtifact({ name: `${values.artifactName}.txt`, content: new TextEncoder().encode(values.artifact) });
    return "left";
  }),
  makeTool("ask", async (_input, context) => context.ask("What is it?")),
  makeTool("listen", async (_input, context) => context.waitFor("news")),
];

const source: ToolSource = {
  name: "folder",
  open: async () => ({
    tools: [],
    afterRun: async () => ({ artifacts: [{ name: "end.txt", content: new TextEncoder().encode(values.sourceBytes) }] }),
  }),
};

const compactor: Compactor = { compact: async () => ({ summary: `So far: ${values.summary}`, keep: 2 }) };

/** One answer whose secret begins in one part and ends in another, streamed in pieces, with words of the provider beside it. */
const speaking: ModelCandidate = {
  id: "script/speaking",
  call: async (_call, { onPart }): Promise<ModelAnswer> => {
    const [parts, streamed] = [values.parts, values.streamed];
    for (const text of ["I say ", streamed.slice(0, 7), streamed.slice(7), " and ", parts.slice(0, 9), parts.slice(9)])
      onPart({ type: "text.delta", text });
    return {
      content: [
        { type: "text", text: `I say ${streamed} and ${parts.slice(0, 9)}` },
        { type: "reasoning", text: values.reasoning },
        { type: "text", text: `${parts.slice(9)}. ${values.modelText}` },
      ],
      finish: "stop",
      usage: { inputTokens: 10, outputTokens: 5 },
      providerMetadata: { provider: { request: values.metadata } },
      warnings: [values.metadata],
    };
  },
};

const script: Script = ({ run, step, messages }) => {
  if (!run.startsWith("lead")) return { text: `The child says ${values.childAnswer}` };
  const isTold = JSON.stringify(messages).includes("So far");
  const steps = [
    {
      calls: [
        { name: "tell", input: { what: "text", with: values.toolInput } },
        { name: "tell", input: { what: "error" } },
      ],
    },
    {
      calls: [
        { name: "tell", input: { what: "data" } },
        { name: "tell", input: { what: "long" } },
      ],
    },
    { calls: [{ name: "leave" }, { name: "mcp__leaky__tell" }] },
    { calls: [{ name: "ask" }, { name: "listen" }] },
    { calls: [{ name: "agent__helper", input: { prompt: `Ask about ${values.childPrompt}` } }] },
    { reasoning: values.reasoning, text: isTold ? "Shortened." : `All of it: ${values.modelText}` },
  ];
  return steps[step] ?? { text: "end" };
};

const agent: Agent = {
  name: "lead",
  instructions: `Lead. ${values.instructions}`,
  tools,
  delegates: [helper],
  sources: [source],
  mcpServers: ["leaky"],
  limits: { maxSteps: 20 },
};

it("35 secrets go in, and none is in what a run leaves behind, shows or sends", async () => {
  expect(ENTRANCES.length).toBeGreaterThanOrEqual(25);
  const folder = await newFolder();
  const store = openForTest({ file: join(folder, "runs.db") });
  const said: string[] = [];
  await using web = await localServer(({ path, headers }) =>
    path.startsWith("/hook")
      ? { status: 400, body: `no: ${values.webhookEcho}` }
      : { body: { ok: false, error: String(headers.authorization) } },
  );
  const config = configOf(store, said, { web: web.url, knownTools: join(folder, "known") });
  const executor = createExecutor({ ...config, models: scriptedModel(script) });
  const started = await executor.start(agent, {
    id: "lead",
    input: `Use ${values.input}`,
    history: [{ role: "user", content: [{ type: "text", text: values.history }] }],
    labels: { token: values.label },
    caller: values.caller,
    attachments: [{ name: "a.txt", text: `attached: ${values.attachment}` }],
    delivery: [
      { kind: "webhook", url: `${web.url}/hook` },
      { kind: "slack", id: "C1" },
    ],
  });
  await started.steer(`Mind ${values.steer}`);
  const waiting = await started.result;
  expect(waiting.waitingFor).toMatchObject({ kind: expect.any(String) });
  const waits = waiting.waitingFor !== undefined && "waits" in waiting.waitingFor ? waiting.waitingFor.waits : [];
  const question = waits.find((wait) => wait.for === "question")?.id ?? "";
  await executor.send("lead", { kind: "answer", question, answer: { is: values.answer } });
  await executor.send("lead", { kind: "signal", name: "news", payload: [values.signal] });
  await executor.send("lead", { kind: "compact", instructions: values.summary });
  let result = waiting;
  // It may have been on its way back to waiting when it was told the rest.
  for (let i = 0; result.status === "waiting" && i < 5; i++) result = await (await executor.resume("lead")).result;
  expect(result.waitingFor).toBeUndefined();
  said.push(JSON.stringify(result), JSON.stringify(waiting), result.output);
  expect(result.status).toBe("completed");
  await executor.deliver();
  said.push(JSON.stringify(await executor.deliveries()), JSON.stringify(await executor.status("lead")));
  await spoken(config, said);
  await failed(config, said);
  await executor.shutdown();
  for await (const line of exportRuns(store)) said.push(line);
  said.push(JSON.stringify(toCassette(await store.journal.read("spoken"))), JSON.stringify(await store.runs.list()));
  expect(web.asked.length).toBeGreaterThan(1);
  const bodies = web.asked.map(({ body }) => body).join("\n");
  // The token goes to where it belongs, and nowhere else.
  expect(web.asked.some(({ headers }) => headers.authorization?.startsWith("Bearer cnry") === true)).toBe(true);
  expect([...hits("what is said", said.join("\n")), ...hits("a delivery", bodies), ...hitsOnDisk(folder)]).toEqual([]);
  // All of them came in: each has left its name.
  const marks = [...said, ...blobsIn(folder)].join("\n");
  const unseen = ENTRANCES.filter((name) => !marks.includes(`[redacted ${name.toUpperCase()}]`));
  expect(unseen).toEqual(["slackToken"]);
}, 60_000);

interface Places {
  readonly web: string;
  readonly knownTools: string;
}

function configOf(store: SqliteStore, said: string[], { web, knownTools }: Places): Omit<ExecutorConfig, "models"> {
  const leaky = { command: process.execPath, args: [join(import.meta.dirname, "../support/leaky-mcp-server.ts")] };
  return {
    store,
    secrets,
    compactor,
    systemHeader: `Header ${values.header}`,
    sources: [
      mcpServer("leaky", { ...leaky, env: { TOKEN: values.mcpEnvironment } }, { knownTools }),
      mcpServer("broken", {
        ...leaky,
        args: ["-e", "console.error(process.env.TOKEN); process.exit(1)"],
        env: { TOKEN: values.mcpFailure },
      }),
    ],
    observers: [
      createConsoleObserver({ write: (line) => said.push(line) }),
      createJsonLinesObserver((line) => said.push(line), { deltas: true }),
    ],
    delivery: {
      adapters: [
        webhook({
          credentials: () => `whsec_${Buffer.alloc(32, 1).toString("base64")}`,
          urls: { allowedHosts: [new URL(web).host] },
        }),
        slack({ credentials: () => values.slackToken, api: web }),
      ],
    },
  };
}

/** An answer in parts, and a provider that fails once before. */
async function spoken(config: Omit<ExecutorConfig, "models">, said: string[]): Promise<void> {
  let calls = 0;
  const call: ModelCandidate["call"] = async (given, options) => {
    if (calls++ === 0) throw Object.assign(new Error(`bad key ${values.providerError}`), { retryable: true, statusCode: 503 });
    return speaking.call(given, options);
  };
  const models: Models = { resolve: async () => [{ ...speaking, call }] };
  const executor = createExecutor({ ...config, models });
  const result = await executor.run({ name: "speaker", instructions: "" }, { input: "go", id: "spoken" });
  expect(result.status).toBe("completed");
  said.push(JSON.stringify(result));
  await executor.shutdown();
}

/** What cannot be started, and what is stopped. */
async function failed(config: Omit<ExecutorConfig, "models">, said: string[]): Promise<void> {
  const refusing = createExecutor({
    ...config,
    models: { resolve: () => Promise.reject(new Error(`no tier: ${values.refusal}`)) },
  });
  said.push(JSON.stringify(await refusing.run({ name: "a", instructions: "" }, "go")));
  await refusing.shutdown();
  const executor = createExecutor({ ...config, models: scriptedModel(() => ({ hang: true })) });
  const broken = await executor.run({ name: "b", instructions: "", mcpServers: ["broken"] }, { input: "go", id: "broken" });
  expect(broken.error?.code).toBe("source_failed");
  const handle = await executor.start({ name: "c", instructions: "" }, { input: "go", id: "cancelled" });
  await handle.cancel(`because of ${values.cancelReason}`);
  said.push(JSON.stringify([broken, await handle.result]));
  await executor.shutdown();
}

function blobsIn(folder: string): readonly string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return entries.map(({ parentPath, name }) => readFileSync(join(parentPath, name), "utf8"));
}
