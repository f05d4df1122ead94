import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseModelsFile, readModelsFile } from "./models-file.ts";

test("S43 a file gives tiers and facts", async () => {
  const path = join(await mkdtemp(join(tmpdir(), "executus-models-")), "models.json");
  const price = { input: 1, output: 2, cacheRead: 0.1, above: { inputTokens: 200_000, input: 2, output: 4 }, asOf: "2026-11-22" };
  const file = { tiers: { fast: ["local/llama"] }, models: { "local/llama": { price, contextTokens: 8192, source: "ours" } } };
  await writeFile(path, JSON.stringify(file));
  expect(await readModelsFile(path)).toEqual(file);
});

test("both sections may be left out", () => {
  expect(parseModelsFile("{}", "m.json")).toEqual({ tiers: {}, models: {} });
});

test("a file that is not there is named", async () => {
  await expect(readModelsFile("/nonexistent/models.json")).rejects.toMatchObject({
    code: "usage",
    file: "/nonexistent/models.json",
    message: expect.stringContaining("/nonexistent/models.json cannot be read: ENOENT") as string,
  });
});

test.each([
  ["{", "m.json is no JSON: "],
  ['{"budgets": {}}', "m.json: budgets is {}, not a list of budgets"],
  ['{"supervisor": 1}', "m.json: supervisor is 1, not a text"],
  ["[]", "m.json: the file is [], not an object"],
  ['{"tiers": 3}', "m.json: tiers is 3, not an object"],
  ['{"tiers": {"fast": "openai/x"}}', 'm.json: tiers.fast is "openai/x", not a list of "provider/model"'],
  ['{"tiers": {"fast": ["openai/x", "gpt"]}}', 'm.json: tiers.fast[1] is "gpt", not "provider/model"'],
  ['{"tiers": {"fast": [7]}}', 'm.json: tiers.fast[0] is 7, not "provider/model"'],
  ['{"models": {"a/b": {"price": {"input": 1}}}}', "m.json: models.a/b.price.asOf is missing, not a date such as 2026-11-22"],
  [
    '{"models": {"a/b": {"price": {"asOf": "2026-11-22", "input": 1}}}}',
    "m.json: models.a/b.price.output is missing, not a number",
  ],
  ['{"models": {"a/b": {"contextTokens": "8k"}}}', 'm.json: models.a/b.contextTokens is "8k", not a number from 0 on'],
  ['{"models": {"a/b": {"contextTokens": -1}}}', "m.json: models.a/b.contextTokens is -1, not a number from 0 on"],
  ['{"modles": {}}', 'm.json: the file has an unknown field "modles"'],
  ['{"models": {"a/b": {"context": 1}}}', 'm.json: models.a/b has an unknown field "context"'],
])("%s is refused with the field and what it should be", (text, message) => {
  expect(() => parseModelsFile(text, "m.json")).toThrow(message);
});

test("a slip in a field's name is answered with the right one", () => {
  expect(() => parseModelsFile('{"teirs": {}}', "m.json")).toThrow(
    expect.objectContaining({ hint: 'Did you mean "tiers"?' }) as Error,
  );
});
