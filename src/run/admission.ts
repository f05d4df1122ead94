/** From an agent and a request to a journaled run: everything that can be refused is refused here, before anything happens. */
import { tell } from "./observers.ts";
import { initialState } from "../kernel/evolve.ts";
import { ExecutusError } from "../kernel/errors.ts";
import { resolveLimits } from "../kernel/limits.ts";
import { StepLog } from "../kernel/steps.ts";
import type { AgentSnapshot, RequestSnapshot } from "../ports/agent.ts";
import type { RunStarted } from "../ports/events.ts";
import type { BudgetRefusal } from "../ports/budget.ts";
import type { CreateRequest, CreateResult } from "../ports/store.ts";
import type { Limits } from "../ports/limits.ts";
import type { UserPart } from "../ports/messages.ts";
import type { ModelCandidate } from "../ports/models.ts";
import type { OutputSchema } from "../ports/output.ts";
import type { Durability } from "../ports/store.ts";
import type { Tool } from "../ports/tools.ts";
import { accountsOf } from "./budget-accounts.ts";
import { checkId, newId } from "./ids.ts";
import { refusalMessage } from "./ledger.ts";
import { plan, recordSteps } from "./commit.ts";
import type { Core, Definition } from "./core.ts";
import { checkTargets } from "./delivery-targets.ts";
import { readOutput, snapshotOutput } from "./output.ts";
import { type ResolvedPhase, resolvePhases, snapshotPhase, stepsOfPhases } from "./phases.ts";
import { checkPrices, resolveModels } from "./resolve-models.ts";
import { type ResolvedSources, resolveSources } from "./resolve-sources.ts";
import type { AttachmentLimits } from "../ports/files.ts";
import type { Staged } from "./attachments.ts";
import { Session } from "./session.ts";
import { toRowChange } from "./status.ts";
import { endOf, loadThread } from "./thread.ts";
import { resolveSupervision } from "./supervision.ts";
import { buildToolbox, snapshotTool } from "./toolbox.ts";
import type { Agent, RunRequest } from "./types.ts";

export interface Admitted {
  /** The run that has this id or idempotency key; its session is there only if this call created it. */
  readonly run: string;
  readonly session?: Session;
}

/** Where a child stands below its parent, and what it may use of what that has left. */
export interface ChildPlace {
  readonly parent: string;
  readonly parentCall: string;
  readonly depth: number;
  readonly deepest: number;
  readonly timeMs: number;
  readonly tokens?: number;
  readonly costUsd?: number;
}

export async function admit(core: Core, agent: Agent, request: RunRequest, place?: ChildPlace): Promise<Admitted> {
  const { redaction } = core.ports;
  if (redaction !== undefined) await redaction.refresh();
  const run = checkId(request.id ?? newId("run", core.clock), "run id");
  if (request.idempotencyKey !== undefined) checkId(request.idempotencyKey, "idempotency key");
  const limits = limitsOf(core, agent, request, place);
  const continues = request.continues === undefined ? undefined : await endOf(core.store, request.continues);
  await gate(core, run, agent, request);
  const tier = request.model ?? agent.model ?? core.config.defaultTier ?? "fast";
  const candidates = await resolveModels(core, tier, limits);
  checkPrices(candidates, dollarBudget(core, run, agent, request));
  const sources = resolveSources(core, agent, request);
  const tools = await buildToolbox(agent, core.config, request, sources.isFromSource);
  const phases = await resolvePhases(core, agent, request, { tier, candidates, limits, isFromSource: sources.isFromSource });
  const output = await readOutput(core, agent.output, `agent ${agent.name}`);
  const ownOutput = await readOutput(core, request.output, "this request");
  const definition = define(core, agent, { tier, tools, candidates, sources, phases, output });
  const told: RunStarted = {
    type: "run.started",
    run,
    agent: definition.snapshot,
    request: {
      ...(await snapshotRequest(core, request, { place, files: await stage(core, run, agent, request) })),
      ...dropUndefined({ continues, output: ownOutput && snapshotOutput(ownOutput) }),
    },
    limits,
    models: candidates.map((candidate) => candidate.id),
    ...windowsOf(core, [...candidates, ...phases.flatMap((phase) => phase.candidates)]),
  };
  const started = redaction === undefined ? told : redaction.data(told);
  const answering = ownOutput === undefined ? definition : { ...definition, output: ownOutput };
  return create(core, started, answering, request.durability);
}

function limitsOf(core: Core, agent: Agent, request: RunRequest, place: ChildPlace | undefined): Limits {
  if (place !== undefined) return within(core, agent, place);
  const compaction = { compactionRatio: Number(agent.compaction?.["ratio"]) };
  return resolveLimits(request.limits, agent.limits, compaction, stepsOfPhases(agent, core.config.limits), core.config.limits);
}

/** The host's own gate. A run that is there already was admitted when it began. */
async function gate(core: Core, run: string, agent: Agent, request: RunRequest): Promise<void> {
  const { admit } = core.config;
  if (admit === undefined || (await isThere(core, request))) return;
  const { caller, channel, tenant, parent } = request;
  const decision = await admit({ run, agent: agent.name, ...dropUndefined({ caller, channel, tenant, parent }) });
  if (!decision.admitted) throw new ExecutusError("budget_refused", `this run was refused: ${decision.reason}`, { run });
}

async function isThere(core: Core, { id }: RunRequest): Promise<boolean> {
  return id !== undefined && (await core.store.runs.get(id)) !== undefined;
}

/** The first budget in US dollars that this run would be counted on. */
function dollarBudget(core: Core, run: string, agent: Agent, request: RunRequest): string | undefined {
  const { budgets } = core.ports;
  if (budgets === undefined) return undefined;
  const charged = { run, agent: agent.name, root: request.root, caller: request.caller, tenant: request.tenant };
  const account = accountsOf(budgets.budgets, charged, core.clock.now()).find(({ limit }) => limit.usd !== undefined);
  return account === undefined ? undefined : `a budget of $${account.limit.usd} per ${account.per} and ${account.window}`;
}

/** A child that names no time of its own may use all that its parent has left; no bound is wider than the parent's. */
function within(core: Core, agent: Agent, place: ChildPlace): Limits {
  const { timeMs, depth, deepest } = place;
  const own = resolveLimits(agent.limits, { timeMs }, stepsOfPhases(agent, core.config.limits), core.config.limits);
  const tokens = lesser(own.tokens, place.tokens);
  const costUsd = lesser(own.costUsd, place.costUsd);
  return {
    ...own,
    timeMs: Math.min(own.timeMs, timeMs),
    depth: Math.min(deepest, agent.limits?.depth === undefined ? deepest : depth + own.depth),
    ...(tokens === undefined ? {} : { tokens }),
    ...(costUsd === undefined ? {} : { costUsd }),
  };
}

function lesser(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Math.min(one, other);
}

function windowsOf(core: Core, candidates: readonly ModelCandidate[]): Pick<RunStarted, "windows"> {
  if (core.ports.compactor === undefined) return {};
  const known = candidates.flatMap(({ id, contextTokens }) =>
    contextTokens === undefined ? [] : [[id, contextTokens] as const],
  );
  return { windows: Object.fromEntries(known) };
}

interface Resolved {
  readonly tier: string;
  readonly tools: readonly Tool[];
  readonly candidates: readonly ModelCandidate[];
  readonly sources: ResolvedSources;
  readonly phases: readonly ResolvedPhase[];
  readonly output: OutputSchema | undefined;
}

/** Runs of one agent with the same tools and models share one definition in memory. */
function define(core: Core, agent: Agent, resolved: Resolved): Definition {
  const { tier, tools, candidates, sources, phases, output } = resolved;
  const parts = [tier, ...tools, ...candidates, ...sources.uses, output, ...phases.flatMap(partsOf)];
  const known = core.definitions.get(agent);
  if (known !== undefined && sameItems(known.parts, parts)) return known;
  const all = [...candidates, ...phases.flatMap((phase) => phase.candidates)];
  const toolbox = byName(tools);
  const definition: Definition = {
    parts,
    snapshot: snapshotAgent(core, agent, resolved),
    tools: toolbox,
    ...(phases.length === 0
      ? {}
      : { phaseTools: phases.map((phase) => (phase.tools === undefined ? toolbox : byName(phase.tools))) }),
    candidates: new Map(all.map((candidate) => [candidate.id, candidate])),
    output,
    sources: sources.uses.length === 0 ? undefined : sources.code,
  };
  core.definitions.set(agent, definition);
  return definition;
}

function partsOf({ tier, candidates, tools }: ResolvedPhase): readonly unknown[] {
  return [tier, ...candidates, ...(tools ?? [])];
}

function byName(tools: readonly Tool[]): ReadonlyMap<string, Tool> {
  return new Map(tools.map((tool) => [tool.name, tool]));
}

function sameItems(known: readonly unknown[], items: readonly unknown[]): boolean {
  return known.length === items.length && known.every((item, i) => item === items[i]);
}

function snapshotAgent(core: Core, agent: Agent, { tier, tools, sources, phases, output }: Resolved): AgentSnapshot {
  const header = core.config.systemHeader ?? "";
  const polling = pollingNames(core, agent);
  const supervision = core.ports.supervisor === undefined ? undefined : resolveSupervision(agent.supervision);
  return {
    name: agent.name,
    ...dropUndefined({ id: agent.id, description: agent.description, source: agent.source }),
    instructions: [header, agent.instructions].filter((text) => text !== "").join("\n\n"),
    tier,
    settings: agent.settings ?? {},
    tools: tools.map((tool) => snapshotTool(tool, polling)),
    ...(polling.length === 0 ? {} : { polling }),
    ...(supervision === undefined ? {} : { supervision }),
    ...(sources.uses.length === 0 ? {} : { sources: sources.snapshots() }),
    ...(phases.length === 0 ? {} : { phases: phases.map((phase) => snapshotPhase(phase, { header, polling })) }),
    ...(output === undefined ? {} : { output: snapshotOutput(output) }),
    ...(agent.permission === undefined ? {} : { permission: agent.permission }),
  };
}

function pollingNames({ config }: Core, { polling = [], toolOptions = {} }: Agent): readonly string[] {
  const own = Object.keys(toolOptions).filter((name) => toolOptions[name]?.polling === true);
  return [...(config.polling ?? []), ...polling, ...own];
}

const NOTHING_ATTACHED: Staged = { parts: [], files: [] };

/** A run that is there already has its files. */
async function stage(core: Core, run: string, agent: Agent, request: RunRequest): Promise<Staged> {
  const { attachments = [] } = request;
  if (attachments.length === 0 || (await isThere(core, request))) return NOTHING_ATTACHED;
  if (core.config.files === false) {
    const message = "files were attached and left out: this executor takes none";
    tell(core.ports.observers, run, (observer) => observer.warning?.(run, message));
    return NOTHING_ATTACHED;
  }
  const { stageAttachments } = await import("./attachments.ts");
  return stageAttachments(attachments, { ...core.config.attachments, ...(agent.attachments as AttachmentLimits) }, core.ports);
}

async function snapshotRequest(
  core: Core,
  request: RunRequest,
  { place, files }: { readonly place: ChildPlace | undefined; readonly files: Staged },
): Promise<RequestSnapshot> {
  const { history, settings, caller, channel, tenant, parent, root, labels, idempotencyKey, unguarded } = request;
  const { parentCall, depth } = place ?? {};
  const origin = { caller, channel, tenant, parent, parentCall, root, depth, labels, idempotencyKey };
  const delivery = checkTargets(request.delivery, core.config.delivery?.adapters ?? []);
  const attachments = files.files.length === 0 ? undefined : files.files;
  return {
    input: await firstTurn(core, request, files),
    ...dropUndefined({ attachments, history, settings, ...origin, unguarded, delivery }),
  };
}

/** Text, then images; no empty text part. */
async function firstTurn(core: Core, request: RunRequest, files: Staged): Promise<readonly UserPart[]> {
  const parts: UserPart[] = [];
  if (typeof request.input === "object") parts.push(...request.input);
  else if (request.input !== undefined && request.input !== "") parts.push({ type: "text", text: request.input });
  parts.push(...files.parts);
  for (const image of request.images ?? []) {
    const hash = await core.blobs.put(image.bytes);
    const data = { type: "blob" as const, hash, bytes: image.bytes.length };
    const filename = image.filename === undefined ? {} : { filename: image.filename };
    parts.push({ type: "file", mediaType: image.mediaType, data, ...filename });
  }
  if (parts.length === 0 && (request.attachments ?? []).length === 0 && (request.history ?? []).length === 0) {
    throw new ExecutusError("request_invalid", "the request is empty", { hint: "Give it input, images or history." });
  }
  return parts;
}

function dropUndefined<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

const FIRST_EPOCH = 1;

/** The start, and the intents of what it wants first, in one commit. */
async function create(
  core: Core,
  started: RunStarted,
  definition: Definition,
  durability: Durability | undefined,
): Promise<Admitted> {
  const at = Math.round(core.clock.now());
  const { run, agent, request } = started;
  const earlier = request.continues && (await loadThread(core.store, { run, continues: request.continues }));
  const state = initialState({ seq: 0, epoch: FIRST_EPOCH, at, activeMs: 0 }, started, earlier);
  const session = new Session({
    ports: core.ports,
    state,
    epoch: FIRST_EPOCH,
    steps: new StepLog(state),
    ...definition,
  });
  const first = plan(session, [], []);
  recordSteps(session.steps, state, first);
  const { caller, channel, tenant, parent, root, labels, idempotencyKey } = request;
  const created = await createWithLedger(core, {
    run,
    agent: agent.name,
    ...dropUndefined({
      caller,
      channel,
      tenant,
      parent,
      root,
      labels,
      idempotencyKey,
      durability,
      continues: request.continues?.run,
    }),
    at,
    events: [started, ...first.events],
    row: toRowChange(first.next, first.decision),
    ...(first.ledger === undefined ? {} : { ledger: first.ledger }),
  });
  if (!created.created && created.refusal !== undefined) throw overBudget(run, created.refusal);
  if (!created.created) return { run: created.run };
  session.begin(first.next, [started, ...first.events], created.added);
  return { run, session };
}

/** A ledger outside the store is asked first, but not for a run that was admitted before. */
async function createWithLedger(core: Core, request: CreateRequest): Promise<CreateResult> {
  const own = core.ports.budgets?.ledger;
  const { ledger, ...rest } = request;
  if (own === undefined || ledger === undefined) return core.store.runs.create(request);
  const { run } = request;
  if ((await core.store.runs.get(run)) !== undefined) return { created: false, run };
  const refusal = await own.apply(run, ledger);
  if (refusal !== undefined) return { created: false, run, refusal };
  const created = await core.store.runs.create(rest);
  if (!created.created && created.run !== run && ledger.reserve !== undefined) {
    const { effect, accounts } = ledger.reserve;
    await own.apply(run, { settle: [{ effect, amount: NOTHING_USED, accounts }], close: true });
  }
  return created;
}

const NOTHING_USED = { usd: 0, tokens: 0, seconds: 0, calls: 0 };

function overBudget(run: string, refusal: BudgetRefusal): ExecutusError {
  const hint = "Wait for the next window, or raise the limit in `budgets`. What is used: executus budget ls";
  return new ExecutusError("budget_refused", refusalMessage(refusal), { run, hint });
}
