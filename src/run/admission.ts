/** From an agent and a request to a journaled run: everything that can be refused is refused here, before anything happens. */
import { warn } from "./observers.ts";
import { initialState } from "../kernel/evolve.ts";
import { ExecutusError } from "../kernel/errors.ts";
import { resolveLimits } from "../kernel/limits.ts";
import { StepLog } from "../kernel/steps.ts";
import type { Continuation, RequestSnapshot } from "../ports/agent.ts";
import type { RunStarted } from "../ports/events.ts";
import type { BudgetRefusal } from "../ports/budget.ts";
import type { CreateRequest, CreateResult } from "../ports/store.ts";
import type { Limits } from "../ports/limits.ts";
import type { UserPart } from "../ports/messages.ts";
import type { Durability } from "../ports/store.ts";
import { accountsOf } from "./budget-accounts.ts";
import { rememberAgent } from "./find-agent.ts";
import { checkId, newId } from "./ids.ts";
import { laneOf } from "./lane-rules.ts";
import { FIRST_EPOCH, isBegun, unlessThere } from "./let-go.ts";
import { refusalMessage } from "./ledger.ts";
import { plan, recordSteps } from "./commit.ts";
import type { Core, Definition } from "./core.ts";
import { checkAgent, checkRequest } from "./check-request.ts";
import { checkTargets } from "./delivery-targets.ts";
import { readOutput, snapshotOutput } from "./output.ts";
import { stepsOfPhases } from "./phases.ts";
import { checkPrices, resolveModels } from "./resolve-models.ts";
import type { AttachmentLimits } from "../ports/files.ts";
import type { Staged } from "./attachments.ts";
import { Session } from "./session.ts";
import { toRowChange } from "./status.ts";
import type { Thread } from "../kernel/state.ts";
import { endOf, loadThread } from "./thread.ts";
import { checkEnabled, define, resolveDefinition, windowsOf, withInput } from "./definition.ts";
import { dropUndefined } from "./drop-undefined.ts";
import type { Agent, RunRequest } from "./types.ts";

export interface Admitted {
  /** The run that has this id or idempotency key; its session is there only if this call created it. */
  readonly run: string;
  readonly session?: Session;
  /** Created by this call, and waiting for its turn: what it is to be driven with. */
  readonly queued?: Definition;
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

export async function admit(core: Core, agent: Agent, given: RunRequest, place?: ChildPlace): Promise<Admitted> {
  checkAgent(agent);
  checkRequest(given);
  const { redaction } = core.ports;
  if (redaction !== undefined) await redaction.refresh();
  const run = checkId(given.id ?? newId("run", core.clock), "run id");
  const { request, continues, thread } = await followUp(core, run, given);
  if (request.idempotencyKey !== undefined) checkId(request.idempotencyKey, "idempotency key");
  checkEnabled(agent);
  const limits = limitsOf(core, agent, request, place);
  await gate(core, run, agent, request);
  const tier = request.model ?? agent.model ?? core.config.defaultTier ?? "fast";
  const candidates = await resolveModels(core, tier, limits);
  checkPrices(candidates, dollarBudget(core, run, agent, request));
  const ownOutput = await readOutput(core, request.output, "this request");
  const definition = define(core, agent, await resolveDefinition(core, agent, request, { tier, candidates, limits }));
  rememberAgent(core, agent, definition.snapshot);
  const told: RunStarted = {
    type: "run.started",
    run,
    agent: definition.snapshot,
    request: {
      ...(await snapshotRequest(core, withInput(request, agent), {
        place,
        files: await stage(core, run, agent, { request, thread }),
      })),
      ...targetsOf(core, agent, request, place),
      ...dropUndefined({
        continues,
        output: ownOutput && snapshotOutput(ownOutput),
        lane: laneOf(core.config.lanes, agent, request, place !== undefined),
      }),
    },
    limits,
    models: candidates.map((candidate) => candidate.id),
    ...windowsOf(core, [...definition.candidates.values()]),
  };
  const started = redaction === undefined ? told : redaction.data(told);
  const answering = ownOutput === undefined ? definition : { ...definition, output: ownOutput };
  return create(core, started, answering, { durability: request.durability, thread });
}

interface FollowUp {
  readonly request: RunRequest;
  readonly continues?: Continuation;
  readonly thread?: Thread;
}

async function followUp(core: Core, run: string, request: RunRequest): Promise<FollowUp> {
  if (request.continues === undefined) return { request };
  const { continues, tenant } = await endOf(core.store, request.continues, request.tenant);
  const thread = await loadThread(core.store, { run, continues });
  return {
    request: tenant === undefined ? request : { ...request, tenant },
    continues: thread.files.length === 0 ? continues : { ...continues, files: thread.files.length },
    thread,
  };
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

async function isThere({ store }: Core, { id, idempotencyKey }: RunRequest): Promise<boolean> {
  if (id !== undefined && (await store.runs.get(id)) !== undefined) return true;
  return idempotencyKey !== undefined && (await store.runs.list({ idempotencyKey, limit: 1 })).length > 0;
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

const NOTHING_ATTACHED: Staged = { parts: [], files: [] };

/** A run that is there already has its files. */
async function stage(
  core: Core,
  run: string,
  agent: Agent,
  { request, thread }: { readonly request: RunRequest; readonly thread: Thread | undefined },
): Promise<Staged> {
  const { attachments = [] } = request;
  if (attachments.length === 0 || (await isThere(core, request))) return NOTHING_ATTACHED;
  if (core.config.files === false) {
    const message = "files were attached and left out: this executor takes none";
    warn(core.ports, run, message);
    return NOTHING_ATTACHED;
  }
  const { stageAttachments } = await import("./attachments.ts");
  const limits = { ...core.config.attachments, ...(agent.attachments as AttachmentLimits) };
  return stageAttachments(attachments, limits, { ...core.ports, filesBefore: thread?.files });
}

async function snapshotRequest(
  core: Core,
  request: RunRequest,
  { place, files }: { readonly place: ChildPlace | undefined; readonly files: Staged },
): Promise<RequestSnapshot> {
  const { history, settings, caller, channel, tenant, parent, root, labels, idempotencyKey, unguarded } = request;
  const { parentCall, depth } = place ?? {};
  const origin = { caller, channel, tenant, parent, parentCall, root, depth, labels, idempotencyKey };
  const attachments = files.files.length === 0 ? undefined : files.files;
  return {
    input: await firstTurn(core, request, files),
    ...dropUndefined({ attachments, history, settings, ...origin, unguarded }),
  };
}

/** An agent's own targets are for runs that somebody starts: what a child brings is its parent's. */
function targetsOf(
  core: Core,
  agent: Agent,
  request: RunRequest,
  place: ChildPlace | undefined,
): Pick<RequestSnapshot, "delivery"> {
  const given = request.delivery ?? (place === undefined ? agent.delivery : undefined);
  const delivery = checkTargets(given, {
    adapters: core.config.delivery?.adapters ?? [],
    redactor: core.ports.redaction?.current,
  });
  return delivery === undefined ? {} : { delivery };
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

/** The start, and the intents of what it wants first, in one commit. */
async function create(
  core: Core,
  started: RunStarted,
  definition: Definition,
  { durability, thread }: { readonly durability: Durability | undefined; readonly thread: Thread | undefined },
): Promise<Admitted> {
  const at = Math.round(core.clock.now());
  const { run, agent, request } = started;
  const state = initialState({ seq: 0, epoch: FIRST_EPOCH, at, activeMs: 0 }, started, thread);
  const session = new Session({
    ports: core.ports,
    state,
    epoch: FIRST_EPOCH,
    steps: new StepLog(state),
    ...definition,
  });
  const first = plan(session, [], []);
  recordSteps(session.steps, state, first);
  const { caller, channel, tenant, parent, root, labels, idempotencyKey, lane } = request;
  const created = await createOrFind(core, {
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
      lane,
      continues: request.continues?.run,
    }),
    at,
    events: [started, ...first.events],
    row: toRowChange(first.next, first.decision),
    ...(first.ledger === undefined ? {} : { ledger: first.ledger }),
  });
  if (!created.created && created.refusal !== undefined) throw overBudget(run, created.refusal);
  if (!created.created) return "begun" in created && lane !== undefined ? { run, queued: definition } : { run: created.run };
  session.begin(first.next, [started, ...first.events], created.added);
  return lane === undefined ? { run, session } : { run, queued: definition };
}

/** `begun`: it was reported as failed and has been made. It is let go, or queued, and whoever wants it takes it over. */
async function createOrFind(core: Core, request: CreateRequest): Promise<CreateResult & { readonly begun?: true }> {
  try {
    return await createWithLedger(core, request);
  } catch (error) {
    if (await isBegun(core, request, error)) return { created: false, run: request.run, begun: true };
    if (core.ports.budgets?.ledger !== undefined) await unlessThere(core, request.run, () => freed(core, request));
    throw error;
  }
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
  if (!created.created && created.run !== run) await unlessThere(core, run, () => freed(core, request));
  return created;
}

/** What was reserved for a run that was not made. */
async function freed({ ports }: Core, { run, ledger }: CreateRequest): Promise<void> {
  if (ledger?.reserve === undefined) return;
  const { effect, accounts } = ledger.reserve;
  await ports.budgets?.ledger?.apply(run, { settle: [{ effect, amount: NOTHING_USED, accounts }], close: true });
}

const NOTHING_USED = { usd: 0, tokens: 0, seconds: 0, calls: 0 };

function overBudget(run: string, refusal: BudgetRefusal): ExecutusError {
  const hint = "Wait for the next window, or raise the limit in `budgets`. What is used: executus budget ls";
  return new ExecutusError("budget_refused", refusalMessage(refusal), { run, hint });
}
