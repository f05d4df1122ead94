/** What the soak runs: agents with tools of every class, children, calls that sleep and ask, and deliveries to a real server. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { createExecutor, defineAgent, defineTool, type Agent, type Executor, type RunRequest, type Store } from "executus";
import type { RunRow } from "executus/ports";
import { webhook } from "executus/delivery";
import { type ScriptedAnswer, scriptedModel } from "executus/testing";

const schema = { type: "object", properties: { n: { type: "number" } }, required: ["n"] } as const;
const tool = (name: string, effect: "read" | "idempotent" | "once", bytes: number) =>
  defineTool({
    name,
    description: `Does ${name}.`,
    input: schema,
    effect,
    execute: async ({ n }) => {
      await pause(n % 4);
      return `${n} `.padEnd(bytes, "x");
    },
  });

const look = tool("look", "read", 1_000);
const put = tool("put", "idempotent", 200);
const pay = tool("pay", "once", 200);
const nap = defineTool({
  name: "nap",
  description: "Sleeps.",
  input: schema,
  execute: ({ n }, context) => context.sleep(100 + n),
});
const ask = defineTool({ name: "ask", description: "Asks.", input: schema, execute: (_, context) => context.ask("May I?") });

const worker = defineAgent({ name: "worker", description: "Works.", instructions: "Work.", tools: [look, put, pay] });
const lead = defineAgent({ name: "lead", instructions: "Lead.", tools: [look], delegates: [worker] });
const waiter = defineAgent({ name: "waiter", instructions: "Wait.", tools: [nap, ask] });
export const AGENTS: readonly Agent[] = [worker, lead, waiter];

/** Stateless: what an agent does in a step. */
function answer(agent: string, step: number): ScriptedAnswer {
  const call = (name: string, n = step): { name: string; input: { n: number } } => ({ name, input: { n } });
  const scripts: Readonly<Record<string, readonly ScriptedAnswer[]>> = {
    "Work.": [
      { calls: [call("look"), call("put", 11), call("pay", 12)] },
      { calls: [call("pay")] },
      { calls: [call("look", 21), call("look", 22)] },
    ],
    "Lead.": [
      { calls: [call("look"), { name: "agent__worker", input: { prompt: "Work on it." } }] },
      { calls: [call("look", 31)] },
    ],
    "Wait.": [{ calls: [call("nap")] }, { calls: [call("ask")] }],
  };
  return scripts[agent]?.[step] ?? { text: `Done after ${step} steps.` };
}

/** Signs what goes to the server of this process. */
const SECRET = `whsec_${Buffer.from("a secret of the soak alone").toString("base64")}`;

export interface SoakWorld {
  readonly executor: Executor;
  /** Deliveries that the server has got. */
  received(): number;
  /** Starts the n-th run and sees it through to its end and its delivery. */
  play(n: number): Promise<void>;
  /** Drops what the model noted. */
  forget(): void;
  close(): Promise<void>;
}

export async function openSoakWorld(store: Store): Promise<SoakWorld> {
  let received = 0;
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      received++;
      response.writeHead(204).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const models = scriptedModel(({ instructions, step }) => answer(instructions, step));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const executor = createExecutor({
    models,
    store,
    agents: AGENTS,
    sweepMs: 1_000,
    delivery: { adapters: [webhook({ endpoints: { soak: endpoint }, credentials: () => SECRET })] },
  });
  return {
    executor,
    received: () => received,
    play: (n) => play(executor, n),
    forget: () => void (models.calls.length = 0),
    close: () => close(executor, server),
  };
}

async function close(executor: Executor, server: Server): Promise<void> {
  await executor.shutdown();
  server.closeAllConnections();
  server.close();
}

async function play(executor: Executor, n: number): Promise<void> {
  const id = `soak-${n}`;
  const agent = AGENTS[n % AGENTS.length] ?? worker;
  const request: RunRequest = {
    input: `Number ${n}.`,
    id,
    ...(n % 4 === 0 ? { delivery: { kind: "webhook", id: "soak" } } : {}),
  };
  const { status, error } = await executor.run(agent, request);
  if (status === "waiting") await seeThrough(executor, id);
  else if (status !== "completed") throw new Error(`${id} ended ${status}: ${error?.message}`);
  while ((await executor.deliveries({ run: id, status: ["pending"] })).length > 0) await pause(10);
}

/** It sleeps, then asks; the question is answered once it is there. */
async function seeThrough(executor: Executor, id: string): Promise<void> {
  const question = await waitFor(executor, id, ({ waitingFor }) =>
    waitingFor?.kind === "question" ? waitingFor.waits[0]?.id : undefined,
  );
  await executor.send(id, { kind: "answer", question, answer: "Yes." });
  await waitFor(executor, id, ({ status }) => (status === "completed" ? status : undefined));
}

/** Between two drivers a run is nobody's for a moment. */
const GOES_ON: readonly (string | undefined)[] = ["running", "waiting", "interrupted"];
const LIMIT_MS = 60_000;

async function waitFor(executor: Executor, id: string, find: (row: RunRow) => string | undefined): Promise<string> {
  for (const from = performance.now(); ; await pause(25)) {
    const row = (await executor.status(id))?.row;
    const found = row === undefined ? undefined : find(row);
    if (found !== undefined) return found;
    if (!GOES_ON.includes(row?.status) || performance.now() - from > LIMIT_MS) throw new Error(`${id} is ${row?.status}`);
  }
}
