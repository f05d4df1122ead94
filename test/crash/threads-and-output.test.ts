/** Follow-ups and structured answers, stopped before and after each write: same thread, same data, one repair. */
import { describe, expect, it } from "vitest";
import type { ToolEffect } from "../../src/ports/tools.ts";
import { survivesEverywhere, type Scenario } from "../support/crash-points.ts";
import { createWorld, makeTool } from "../support/world.ts";

const schema = { type: "object", properties: { count: { type: "integer" } }, required: ["count"] };
const counted = (effects: string[], effect: ToolEffect = "once") =>
  makeTool(
    "count",
    async (_input, context) => {
      effects.push(context.idempotencyKey);
      return 3;
    },
    { effect },
  );

const scenarios: Readonly<Record<string, Scenario>> = {
  "an answer that is put right": {
    script: [{ calls: [{ name: "count" }] }, { text: "Three." }, { text: '{ "count": 3 }' }],
    tools: (effects) => [counted(effects)],
    agent: { output: schema },
  },
  "an answer that stays wrong": {
    status: "failed",
    script: [{ text: "Three." }, { text: "3" }],
    tools: (effects) => [counted(effects)],
    request: { output: schema },
  },
  "a structured answer of the last phase": {
    script: [{ text: "three" }, { text: "Three." }, { text: '{ "count": 3 }' }],
    tools: (effects) => [counted(effects)],
    agent: {
      output: schema,
      phases: [
        { name: "Count", instructions: "Count." },
        { name: "Tell", instructions: "{{Count}}" },
      ],
    },
  },
};

describe.each(Object.entries(scenarios))("%s", (_name, scenario) => {
  it("survives a stop before and after each of its writes", async () => {
    expect(await survivesEverywhere(scenario)).toBeGreaterThan(3);
  });
});

describe("a follow-up", () => {
  it("that is stopped after each of its events goes on with the whole thread", async () => {
    const tools = [counted([], "read")];
    const agent = { name: "tester", instructions: "test", tools };
    const script = [{ calls: [{ name: "count" }] }, { text: "Three." }];
    const undisturbed = createWorld(script, { agents: [agent] });
    const play = async (world: typeof undisturbed): Promise<void> => {
      await world.clock.until(world.executor.run(agent, { input: "How many?", id: "a" }));
    };
    await play(undisturbed);
    const whole = await undisturbed.clock.until(undisturbed.executor.run(agent, { input: "Sure?", id: "b", continues: "a" }));
    const ids = (undisturbed.models.calls.at(-1)?.messages ?? []).flatMap(({ content }) =>
      content.flatMap((part) => (part.type === "tool-call" ? [part.toolCallId] : [])),
    );
    expect(new Set(ids).size).toBe(2);
    const prompts = undisturbed.models.calls.slice(2).map(({ messages }) => messages);
    for (let stopAt = 1; stopAt <= 3; stopAt++) {
      const first = createWorld(script, { agents: [agent] });
      await play(first);
      let appends = 0;
      const dying = createWorld(script, {
        agents: [agent],
        from: { ...first },
        through: (store) => ({
          ...store,
          journal: {
            ...store.journal,
            append: (request) => {
              if (++appends < stopAt) return store.journal.append(request);
              first.store.die();
              return new Promise(() => {});
            },
          },
        }),
      });
      void dying.executor.run(agent, { input: "Sure?", id: "b", continues: "a" });
      for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
      const next = createWorld(script, { agents: [agent], from: { ...first, store: first.store.peer("memory/2") } });
      const result = await next.clock.until((await next.executor.resume("b")).result);
      expect(result).toMatchObject({ status: whole.status, output: whole.output });
      expect(next.models.calls.at(-1)?.messages).toEqual(prompts.at(-1));
    }
  });
});
