/** A tier of two providers: when the first breaks down in the middle of a conversation, the other goes on with it. */
import type { LLMock } from "@copilotkit/aimock";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { END_TO_END_WIRES, type EndToEndWire, pairedCalls } from "./end-to-end-wires.ts";
import { ADDITIONS, createWorld, eventsOfType, SENT_ADDITIONS, startScriptedServer } from "./end-to-end-world.ts";
import type { Fault } from "./fault-server.ts";

const SUMS = ["1+2", "3+4", "5+6", "3+7", "10+11"];
const BROKEN: Fault = { type: "reply", status: 500, body: "{}" };

let upstream: LLMock;
beforeAll(async () => {
  upstream = await startScriptedServer(ADDITIONS);
});
afterAll(async () => {
  await upstream.stop();
});

const PAIRS = END_TO_END_WIRES.flatMap((first) =>
  END_TO_END_WIRES.filter((second) => second !== first).map((second) => ({ first, second, from: first.name, to: second.name })),
);

/** What of an answer means something to its own provider alone: item ids, signatures, thoughts that nobody signed. */
const OWN_WORDS = [/\b(?:rs|msg|fc|resp)[-_][\w-]{8,}/, /c2lnbmF0dXJl/, /item_reference|thinking|signature|reasoning_content/];

describe.each(PAIRS)("a tier of $from and $to", ({ first, second }) => {
  const start = (): ReturnType<typeof createWorld> => createWorld({ upstream: upstream.url, wires: [first, second] });

  test("is continued by the second when the first breaks down, without a word that only the first understands", async () => {
    await using world = await start();
    world.server.fail({ type: "none" }, BROKEN, BROKEN);
    const result = await world.run({ modelAttempts: 2 });
    expect(result).toMatchObject({ status: "completed", output: "The sum is 21.", toolErrors: 0 });
    expect(world.executed).toEqual(SUMS);
    expect(result.steps.map(({ model }) => model)).toEqual([first.model, second.model, second.model]);
    const journal = await world.journal(result.run);
    const attempts = eventsOfType(journal, "model.started").map(({ step, attempt, model }) => [step, attempt, model]);
    expect(attempts).toEqual([
      [0, 1, first.model],
      [1, 1, first.model],
      [1, 2, first.model],
      [1, 3, second.model],
      [2, 1, second.model],
    ]);
    const [, { requests }] = world.servers as [unknown, (typeof world.servers)[number]];
    expect(requests.map(({ body }) => pairedCalls(second, body))).toEqual([SENT_ADDITIONS.slice(0, 3), SENT_ADDITIONS]);
    const taken = JSON.stringify(second.conversationOf(requests[0]?.body));
    expect(OWN_WORDS.filter((word) => word.test(taken))).toEqual([]);
    // It still gets its own words back, and nothing changes of what it was sent before.
    expectPrefix(second, requests[0]?.body, requests[1]?.body);
    expect(OWN_WORDS.some((word) => word.test(JSON.stringify(requests[1]?.body)))).toBe(true);
  });

  test("is answered by the second from the start when the first is never there", async () => {
    await using world = await start();
    world.server.fail(BROKEN, BROKEN);
    const result = await world.run({ modelAttempts: 2 });
    expect(result).toMatchObject({ status: "completed", output: "The sum is 21." });
    expect(world.servers.map(({ requests }) => requests.length)).toEqual([2, 3]);
    expect(world.executed).toEqual(SUMS);
  });

  test("fails with the reason of the second when neither is there", async () => {
    await using world = await start();
    for (const server of world.servers) server.fail(BROKEN, BROKEN);
    const result = await world.run({ modelAttempts: 2 });
    expect(result).toMatchObject({ status: "failed", error: { code: "model_unavailable" } });
    expect(result.error?.message).toMatch(new RegExp(`^${second.model}: 500 server error`));
    expect(world.servers.map(({ requests }) => requests.length)).toEqual([2, 2]);
  });
});

function expectPrefix(wire: EndToEndWire, before: unknown, after: unknown): void {
  const conversation = wire.conversationOf(before);
  expect(wire.conversationOf(after).slice(0, conversation.length)).toEqual(conversation);
}
