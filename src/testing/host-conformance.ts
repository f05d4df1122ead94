/** What a host gives an executor as plain functions: its gate, where its agents are, which queue, which secrets. */
import assert from "node:assert/strict";
import type { AdmissionDecision, AdmissionRequest, Admit } from "../ports/budget.ts";
import type { Agent } from "../ports/definition.ts";
import { placeOf } from "../run/lane-rules.ts";
import { Redaction, type SecretProvider } from "../run/redaction.ts";
import type { AgentFinder, LaneChoice, LaneRequest } from "../run/types.ts";
import { assertPlain, settles, type Subject, suite } from "./conformance.ts";
import type { TestApi } from "./store-conformance.ts";

export interface AdmitUnderTest extends Subject {
  readonly admit: Admit;
  /** A request that it admits. */
  readonly admitted: Omit<AdmissionRequest, "run">;
  /** One that it refuses, if it refuses any. */
  readonly refused?: Omit<AdmissionRequest, "run">;
}

/** A model call may wait as long as its limits say; whoever starts a run should not. */
const SOON_MS = 5_000;
/** So often is often enough to be a habit. */
const OFTEN = 25;

async function decided(admit: Admit, request: AdmissionRequest): Promise<AdmissionDecision> {
  const decision = await settles(Promise.resolve(admit(request)), SOON_MS);
  assert.equal(typeof decision?.admitted, "boolean", `${JSON.stringify(decision)} is no decision`);
  if (!decision.admitted) assert.match(decision.reason, /\S/, "it refuses without a reason");
  return decision;
}

/**
 * What every Admit must do.
 *
 * @example
 * admitConformance({ describe, it }, "my gate", async () => ({ admit: myGate, admitted: { agent: "clerk", tenant: "acme" } }));
 */
export function admitConformance(api: TestApi, name: string, open: () => Promise<AdmitUnderTest>): void {
  suite(api, `${name} keeps the promises of a gate`, {
    open,
    tests: (test) => {
      test("admits what it should, and says why it refuses the rest", async ({ admit, admitted, refused }) => {
        assert.deepEqual((await decided(admit, { run: "r", ...admitted })).admitted, true);
        if (refused !== undefined) assert.deepEqual((await decided(admit, { run: "s", ...refused })).admitted, false);
      });

      test("decides about any run: with all that is known of one, with nothing but its agent, about a child", async ({
        admit,
      }) => {
        const some = { run: "r", agent: "unheard-of", caller: "anna", channel: "mail", tenant: "acme" };
        for (const request of [some, { run: "s", agent: "unheard-of" }, { ...some, run: "t", parent: "r" }])
          await decided(admit, request);
      });

      test("is asked again about the same run, and uses nothing up", async ({ admit, admitted }) => {
        for (let i = 0; i < OFTEN; i++)
          assert.ok((await decided(admit, { run: "r", ...admitted })).admitted, `asked ${i + 1} times, it refuses the run`);
      });

      test("decides about many runs at once", async ({ admit, admitted }) => {
        await Promise.all(Array.from({ length: OFTEN }, (_, i) => decided(admit, { run: `r${i}`, ...admitted })));
      });

      test("changes nothing of what it is asked", async ({ admit, admitted }) => {
        const request = structuredClone({ run: "r", ...admitted });
        await Promise.resolve(admit(request)).catch(() => {});
        assert.deepEqual(request, { run: "r", ...admitted });
      });
    },
  });
}

// --- agents ----------------------------------------------------------------------------------------------------------

type Wanted = Parameters<AgentFinder>[0];

export interface AgentsUnderTest extends Subject {
  readonly find: AgentFinder;
  /** Names that it knows, with the source where that is journaled. */
  readonly known: readonly Wanted[];
}

async function found(find: AgentFinder, wanted: Wanted): Promise<Agent> {
  const agent = await settles(find(wanted), SOON_MS);
  assert.ok(agent !== undefined, `it does not find ${wanted.name}`);
  return agent;
}

/** What of an agent is compared when a run goes on. */
function definitionOf({ tools = [], ...agent }: Agent): unknown {
  const shapes = tools.map((tool) =>
    typeof tool === "string" ? tool : { name: tool.name, inputSchema: tool.inputSchema, effect: tool.effect },
  );
  return JSON.parse(JSON.stringify({ ...agent, tools: shapes }));
}

/**
 * What every function must do that finds agents for an executor.
 *
 * @example
 * agentsConformance({ describe, it }, "my agents", async () => ({ find: findAgent, known: [{ name: "clerk" }] }));
 */
export function agentsConformance(api: TestApi, name: string, open: () => Promise<AgentsUnderTest>): void {
  suite(api, `${name} keeps the promises of finding agents`, {
    open,
    tests: (test) => {
      test("finds agents under their names, with code for their tools", async ({ find, known }) => {
        assert.ok(known.length > 0, "the suite needs an agent");
        for (const wanted of known) {
          const { name: own, instructions, tools = [] } = await found(find, wanted);
          assert.equal(own, wanted.name, "another agent: its tools would be taken for those of this one");
          assert.equal(typeof instructions, "string");
          for (const tool of tools) if (typeof tool !== "string") assert.equal(typeof tool.execute, "function");
        }
      });

      test("finds the same again: what differs is a change of the agent", async ({ find, known }) => {
        for (const wanted of known) {
          const first = definitionOf(await found(find, wanted));
          assert.deepEqual(definitionOf(await found(find, wanted)), first);
        }
      });

      test("finds nothing where there is nothing, and does not fail over it", async ({ find }) => {
        const nowhere = { name: "no-such-agent" };
        for (const wanted of [nowhere, { ...nowhere, source: "/no/such/folder/no-such-agent.md" }])
          assert.equal(await settles(find(wanted), SOON_MS), undefined);
      });

      test("is asked by many runs at once", async ({ find, known }) => {
        const asked = Array.from({ length: OFTEN }, (_, i) => known[i % known.length]).filter((wanted) => wanted !== undefined);
        const agents = await Promise.all(asked.map((wanted) => found(find, wanted)));
        assert.deepEqual(
          agents.map((agent) => agent.name),
          asked.map((wanted) => wanted.name),
        );
      });

      test("changes nothing of what it is asked", async ({ find, known }) => {
        for (const wanted of known) {
          const given = structuredClone(wanted);
          await find(given).catch(() => {});
          assert.deepEqual(given, wanted);
        }
      });
    },
  });
}

// --- lanes -----------------------------------------------------------------------------------------------------------

export interface LaneChoiceUnderTest extends Subject {
  readonly lanes: LaneChoice;
  /** Requests that stand in a queue. */
  readonly queued: readonly LaneRequest[];
}

/**
 * What every function must do that chooses the queues of requests.
 *
 * @example
 * laneChoiceConformance({ describe, it }, "my lanes", async () => ({ lanes: byCaller, queued: [{ agent: "clerk", caller: "anna" }] }));
 */
export function laneChoiceConformance(api: TestApi, name: string, open: () => Promise<LaneChoiceUnderTest>): void {
  suite(api, `${name} keeps the promises of a choice of lanes`, {
    open,
    tests: (test) => {
      test("gives a place that can be used, at once", async ({ lanes, queued }) => {
        assert.ok(queued.length > 0, "the suite needs a request");
        for (const request of queued) {
          const place = placeOf(lanes, request);
          assert.ok(place !== undefined, `${JSON.stringify(request)} stands in no queue`);
          assertPlain(place, "its place");
          assert.ok(place.total === undefined || place.group !== undefined, "`total` is shared by a `group`, and there is none");
        }
      });

      test("chooses for any request, also for one of which nothing but the agent is known", ({ lanes }) => {
        const all = {
          agent: "unheard-of",
          caller: "anna",
          channel: "mail",
          tenant: "acme",
          labels: { shop: "north" },
          priority: 3,
        };
        for (const request of [{ agent: "unheard-of" }, all]) placeOf(lanes, request);
        return Promise.resolve();
      });

      test("gives the same place again", ({ lanes, queued }) => {
        for (const request of queued) assert.deepEqual(placeOf(lanes, request), placeOf(lanes, request));
        return Promise.resolve();
      });

      test("changes nothing of what it is asked", ({ lanes, queued }) => {
        for (const request of queued) {
          const given = structuredClone(request);
          lanes(given);
          assert.deepEqual(given, request);
        }
        return Promise.resolve();
      });
    },
  });
}

// --- secrets ---------------------------------------------------------------------------------------------------------

export interface SecretsUnderTest extends Subject {
  readonly secrets: SecretProvider;
  /** Values that must not leave a run. */
  readonly holds: readonly string[];
  /** Renews the secrets, if they can be renewed; resolves to the new values. */
  readonly renew?: () => Promise<readonly string[]>;
  /** Makes what it asks unreachable, if it asks somebody. */
  readonly cutOff?: () => Promise<void>;
}

/** Takes out what the provider lists now, as an executor does. */
async function redaction(secrets: SecretProvider): Promise<Redaction> {
  const made = new Redaction(secrets);
  await settles(made.refresh(), SOON_MS);
  return made;
}

/** Values that are let through: in a sentence, or by the name that stands in their place. */
function letThrough(made: Redaction, values: readonly string[]): number {
  return values.filter((value) => values.some((other) => made.text(`It is ${value}.`).includes(other))).length;
}

/**
 * What every provider of secrets must do. Its values are not in the messages of what fails.
 *
 * @example
 * secretsConformance({ describe, it }, "my vault", async () => ({ secrets: () => vault.all(), holds: ["hunter2-hunter2"] }));
 */
export function secretsConformance(api: TestApi, name: string, open: () => Promise<SecretsUnderTest>): void {
  suite(api, `${name} keeps the promises of a provider of secrets`, {
    open,
    tests: (test) => {
      test("lists every secret, under names that hold none", async ({ secrets, holds }) => {
        assert.ok(holds.length > 0, "the suite needs a secret");
        assert.equal(letThrough(await redaction(secrets), holds), 0, "secrets are let through");
      });

      test("lists them each time it is asked, and at once", async ({ secrets, holds }) => {
        for (let i = 0; i < 3; i++) assert.equal(letThrough(await redaction(secrets), holds), 0, `let through at time ${i + 1}`);
        const made = await Promise.all(Array.from({ length: OFTEN }, () => redaction(secrets)));
        for (const one of made) assert.equal(letThrough(one, holds), 0, "let through where many ask at once");
      });

      test("lists a renewed secret, and still what it was before", async ({ secrets, holds, renew }) => {
        if (renew === undefined) return;
        await redaction(secrets);
        const fresh = await renew();
        const made = await redaction(secrets);
        assert.equal(letThrough(made, fresh), 0, "the new value is let through");
        assert.equal(letThrough(made, holds), 0, "the old value is let through: runs that know it go on");
      });

      test("rejects when it cannot tell, or lists what it knew", async ({ secrets, holds, cutOff }) => {
        if (cutOff === undefined) return;
        await redaction(secrets);
        await cutOff();
        const made = await redaction(secrets).catch((error: unknown) => {
          assert.ok(!(error instanceof assert.AssertionError), String(error));
        });
        if (made !== undefined) assert.equal(letThrough(made, holds), 0, "it lets everything through when it cannot tell");
      });
    },
  });
}
