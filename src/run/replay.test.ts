/** Every golden journal against the kernel, and journals that were tampered with. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { RunEvent } from "../ports/events.ts";
import { replay } from "./replay.ts";

const folder = join(import.meta.dirname, "../../test/golden/v0.1");
const names = readdirSync(folder).filter((name) => name.endsWith(".jsonl"));
const read = (name: string): readonly RunEvent[] =>
  readFileSync(join(folder, name), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as RunEvent);

describe("replay", () => {
  it.each(names)("%s agrees with itself", async (name) => {
    const events = read(name);
    expect(await replay(events)).toEqual({ events: events.length });
  });

  const events = read("errors-until-stopped.jsonl");
  const seqOf = (type: string): number => events.find((event) => event.type === type)?.seq ?? -1;

  it("names a decision that would not be made", async () => {
    const { divergence } = await replay(
      events.map((event) => (event.type === "tool.ended" ? { ...event, outcome: "ok" } : event)),
    );
    expect(divergence).toMatchObject({ seq: seqOf("guard.tripped"), recorded: expect.stringContaining("guard.tripped") });
  });

  it("names a decision that is missing", async () => {
    const without = events.filter(({ type }) => type !== "guard.tripped");
    const { divergence } = await replay(without.map((event, seq) => ({ ...event, seq })));
    expect(divergence?.now).toContain("guard.tripped");
  });

  it("names what a commit should have held as well", async () => {
    const plain = read("plain-answer.jsonl").slice(0, -2);
    const { divergence } = await replay(plain);
    expect(divergence).toMatchObject({ seq: plain.length - 1, recorded: "nothing more was decided" });
    expect(divergence?.now).toContain("run.settling");
  });

  it("names a model that would not be called, and a place where nothing is", async () => {
    const other = events.map((event) =>
      event.type === "model.started" && event.step === 1 ? { ...event, model: "other/model" } : event,
    );
    expect((await replay(other)).divergence).toMatchObject({
      recorded: expect.stringContaining("other/model"),
      now: expect.stringContaining("model:1.1"),
    });
    expect(await replay([])).toEqual({ events: 0 });
  });
});
