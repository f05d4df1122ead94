/** That the suites for what a host gives as plain functions fail what does not keep their promises: one broken in one place each. */
import { expect, it } from "vitest";
import type { AdmissionRequest, Admit } from "../../src/ports/budget.ts";
import type { Agent } from "../../src/ports/definition.ts";
import type { Mutable } from "../../src/ports/mutable.ts";
import type { SecretProvider } from "../../src/run/redaction.ts";
import type { AgentFinder, LaneChoice, LaneRequest } from "../../src/run/types.ts";
import * as kit from "../../src/testing/index.ts";
import { failuresAs, type Register } from "../support/failures.ts";
import { makeAgent, makeTool } from "../support/world.ts";

const isOpen = ({ tenant }: AdmissionRequest): ReturnType<Admit> =>
  tenant === "gone" ? { admitted: false, reason: "it is gone" } : { admitted: true };

const gate = (broken: () => Admit): Register => {
  return (api) =>
    kit.admitConformance(api, "broken", async () => ({
      admit: broken(),
      admitted: { agent: "clerk", tenant: "acme" },
      refused: { agent: "clerk", tenant: "gone" },
    }));
};

const clerk = (): Agent => ({ ...makeAgent([makeTool("look", async () => "seen")]), name: "clerk" });
const byName: AgentFinder = async ({ name }) => (name === "clerk" ? clerk() : undefined);

const agents = (broken: () => AgentFinder): Register => {
  return (api) => kit.agentsConformance(api, "broken", async () => ({ find: broken(), known: [{ name: "clerk" }] }));
};

const byCaller: LaneChoice = ({ caller }) => (caller === undefined ? undefined : { key: caller, concurrency: 2 });

const lanes = (broken: () => LaneChoice): Register => {
  return (api) =>
    kit.laneChoiceConformance(api, "broken", async () => ({ lanes: broken(), queued: [{ agent: "clerk", caller: "anna" }] }));
};

interface Vault {
  values: readonly string[];
  isThere: boolean;
  readonly known: Set<string>;
}

/** Remembers what it has ever listed. */
const remembering = (vault: Vault): SecretProvider => {
  return async () => {
    if (!vault.isThere) throw new Error("the vault is away");
    for (const value of vault.values) vault.known.add(value);
    return [...vault.known];
  };
};

const secrets = (broken: (vault: Vault) => SecretProvider): Register => {
  return (api) =>
    kit.secretsConformance(api, "broken", async () => {
      const vault: Vault = { values: ["hunter2-hunter2", "tok-4f9a1c77e0"], isThere: true, known: new Set() };
      return {
        secrets: broken(vault),
        holds: vault.values,
        renew: async () => (vault.values = ["hunter3-hunter3", "tok-4f9a1c77e0"]),
        cutOff: async () => void (vault.isThere = false),
      };
    });
};

it.each<readonly [string, Register, readonly string[]]>([
  ["a gate that lets everybody in", gate(() => () => ({ admitted: true })), ["admits what it should"]],
  [
    "a gate that gives no reason",
    gate(() => async (request) => ({ ...(await isOpen(request)), reason: "" })),
    ["admits what it should"],
  ],
  [
    "a gate that decides nothing about strangers",
    gate(() => (request) => (request.tenant === undefined ? (undefined as never) : isOpen(request))),
    ["decides about any run"],
  ],
  [
    "a gate that knows nothing of children",
    gate(() => (request) => {
      if (request.parent !== undefined) throw new Error("what is that?");
      return isOpen(request);
    }),
    ["decides about any run"],
  ],
  [
    "a gate that counts how often it is asked",
    gate(() => {
      let left = 10;
      return (request) => (left-- > 0 ? isOpen(request) : { admitted: false, reason: "no more today" });
    }),
    ["uses nothing up"],
  ],
  [
    "a gate that lets in one at a time",
    gate(() => {
      let isBusy = false;
      return async (request) => {
        if (isBusy) throw new Error("one after the other");
        isBusy = true;
        await new Promise((resolve) => setImmediate(resolve));
        isBusy = false;
        return isOpen(request);
      };
    }),
    ["many runs at once"],
  ],
  [
    "a gate that writes into what it is asked",
    gate(() => (request) => (((request as Mutable<AdmissionRequest>).caller = "somebody"), isOpen(request))),
    ["changes nothing"],
  ],
  ["a finder that finds the same agent for every name", agents(() => async () => clerk()), ["finds nothing"]],
  [
    "a finder that finds another agent",
    agents(() => async (wanted) => (await byName(wanted)) && { ...clerk(), name: "scout" }),
    ["under their names", "many runs at once"],
  ],
  [
    "a finder that fails over what it does not know",
    agents(() => async (wanted) => (await byName(wanted)) ?? Promise.reject(new Error("no such agent"))),
    ["finds nothing"],
  ],
  [
    "a finder that makes another agent each time",
    agents(() => {
      let n = 0;
      return async (wanted) => (await byName(wanted)) && { ...clerk(), instructions: `It is ${n++} o'clock.` };
    }),
    ["the same again"],
  ],
  [
    "a finder whose tools change",
    agents(() => {
      let n = 0;
      const look = () => makeTool("look", async () => "seen", { inputSchema: { type: "object", maxProperties: ++n } });
      return async (wanted) => (await byName(wanted)) && { ...clerk(), tools: [look()] };
    }),
    ["the same again"],
  ],
  [
    "a finder that answers the last one who asked",
    agents(() => {
      let last = "";
      return async (wanted) => {
        last = `${wanted.name}${last === "" ? "" : "?"}`;
        await new Promise((resolve) => setImmediate(resolve));
        const name = last;
        last = "";
        return byName({ name });
      };
    }),
    ["many runs at once"],
  ],
  [
    "a finder that writes into what it is asked",
    agents(() => (wanted) => (((wanted as { source?: string }).source = "clerk.md"), byName(wanted))),
    ["changes nothing"],
  ],
  [
    "lanes that answer later",
    lanes(() => (async (request: LaneRequest) => byCaller(request)) as unknown as LaneChoice),
    ["can be used", "any request", "the same place"],
  ],
  [
    "lanes without room",
    lanes(() => (request) => byCaller(request) && { key: "all", concurrency: 0 }),
    ["can be used", "any request", "the same place"],
  ],
  [
    "lanes that share a bound with nobody",
    lanes(() => (request) => byCaller(request) && { key: "all", concurrency: 1, total: 2 }),
    ["can be used"],
  ],
  [
    "lanes that need a caller",
    lanes(() => (request) => {
      if (request.caller === undefined) throw new Error("who calls?");
      return byCaller(request);
    }),
    ["any request"],
  ],
  [
    "lanes in turn",
    lanes(() => {
      let n = 0;
      return () => ({ key: `lane-${n++ % 2}`, concurrency: 1 });
    }),
    ["the same place"],
  ],
  [
    "lanes that write into what they are asked",
    lanes(() => (request) => (((request as Mutable<LaneRequest>).lane = "mine"), byCaller(request))),
    ["changes nothing"],
  ],
  [
    "secrets of which one is left out",
    secrets((vault) => async () => (await remembering(vault)()).slice(1)),
    ["every secret", "each time", "renewed"],
  ],
  [
    "secrets under names that give them away",
    secrets(
      (vault) => async () => (await remembering(vault)()) && [...vault.known].map((value) => ({ name: `key ${value}`, value })),
    ),
    ["every secret", "each time", "renewed"],
  ],
  [
    "secrets that are listed once",
    secrets((vault) => {
      let isListed = false;
      return async () => {
        if (isListed) return [];
        isListed = true;
        return remembering(vault)();
      };
    }),
    ["each time", "renewed", "cannot tell"],
  ],
  [
    "secrets that forget what was renewed",
    secrets((vault) => async () => (await remembering(vault)()) && vault.values),
    ["renewed"],
  ],
  [
    "secrets that are remembered for ever, and never renewed",
    secrets((vault) => {
      const first = vault.values;
      return async () => (await remembering(vault)()) && first;
    }),
    ["renewed"],
  ],
  [
    "secrets that are none when nobody can be asked",
    secrets((vault) => () => Promise.resolve(remembering(vault)()).catch(() => [])),
    ["cannot tell"],
  ],
])("%s fails", async (_name, register, parts) => {
  expect(await failuresAs(register, parts)).toEqual(parts.toSorted());
});

it("functions that keep all promises pass", async () => {
  expect(
    await failuresAs(
      gate(() => isOpen),
      [],
    ),
  ).toEqual([]);
  expect(
    await failuresAs(
      agents(() => byName),
      [],
    ),
  ).toEqual([]);
  expect(
    await failuresAs(
      lanes(() => byCaller),
      [],
    ),
  ).toEqual([]);
  expect(await failuresAs(secrets(remembering), [])).toEqual([]);
});
