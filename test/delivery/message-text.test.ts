import { expect, it } from "vitest";
import { fitBytes, fitText, textOf, withoutEverybody, withoutMentions } from "../../src/adapters/delivery/message-text.ts";
import { messageOf } from "./local-server.ts";

it("S41 says the answer, or why there is none", () => {
  expect(textOf(messageOf("Done."))).toBe("Done.");
  expect(textOf(messageOf(""))).toBe("clerk has finished.");
  const error = { code: "limit_steps", message: "The limit of 3 steps is reached." };
  expect(textOf(messageOf("So far.", { status: "out_of_steps", error }))).toBe(
    "clerk ended as out of steps: The limit of 3 steps is reached.\n\nSo far.",
  );
});

it("S41 cuts between characters", () => {
  const text = "🫖".repeat(100);
  for (let most = 20; most < 60; most++) {
    const cut = fitText(text, most);
    expect(cut.length).toBeLessThanOrEqual(most);
    expect(cut.isWellFormed()).toBe(true);
    expect(Buffer.byteLength(fitBytes(text, most))).toBeLessThanOrEqual(most);
  }
  expect(fitText("short", 20)).toBe("short");
});

it("S41 calls nobody", () => {
  expect(withoutEverybody("@everyone @HERE a@everyone @channel @all mail@example.com")).not.toMatch(
    /@(everyone|here|channel|all)\b/i,
  );
  const text = "@ana see @octo/team, mail me@example.org, `@Injectable()`\n```\n@decorator\n```\n(@bo)";
  const harmless = withoutMentions(text);
  expect(harmless).toContain("me@example.org");
  expect(harmless).toContain("`@Injectable()`");
  expect(harmless).toContain("```\n@decorator\n```");
  expect(harmless).not.toMatch(/@ana|@octo|\(@bo/);
  expect(harmless.replaceAll("\u200b", "")).toBe(text);
});
