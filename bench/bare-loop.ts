/** The floor: what somebody would write by hand, with and without two SQLite appends per step. */
import type { LanguageModelV4, LanguageModelV4Message, LanguageModelV4ToolResultPart } from "@ai-sdk/provider";
import { DatabaseSync } from "node:sqlite";
import { INSTRUCTIONS, lookup, PROMPT } from "./workload.ts";

export type Append = (text: string) => void | Promise<void>;

export async function bareLoop(model: LanguageModelV4, append?: Append): Promise<string> {
  const prompt: LanguageModelV4Message[] = [
    { role: "system", content: INSTRUCTIONS },
    { role: "user", content: [{ type: "text", text: PROMPT }] },
  ];
  for (;;) {
    const answer = await callModel(model, prompt);
    prompt.push(answer.message);
    await append?.(JSON.stringify(answer.message));
    if (answer.calls.length === 0) return answer.text;
    const content = answer.calls.map((call): LanguageModelV4ToolResultPart => {
      const { item } = JSON.parse(call.input) as { item: number };
      const output = { type: "text" as const, value: lookup(item) };
      return { type: "tool-result", toolCallId: call.toolCallId, toolName: call.toolName, output };
    });
    const message: LanguageModelV4Message = { role: "tool", content };
    prompt.push(message);
    await append?.(JSON.stringify(message));
  }
}

interface Answer {
  readonly message: LanguageModelV4Message;
  readonly text: string;
  readonly calls: readonly { readonly toolCallId: string; readonly toolName: string; readonly input: string }[];
}

async function callModel(model: LanguageModelV4, prompt: readonly LanguageModelV4Message[]): Promise<Answer> {
  const { stream } = await model.doStream({ prompt: [...prompt] });
  let text = "";
  const calls = [];
  for await (const part of stream) {
    if (part.type === "text-delta") text += part.delta;
    if (part.type === "tool-call") calls.push({ toolCallId: part.toolCallId, toolName: part.toolName, input: part.input });
  }
  const toolCalls = calls.map((call) => ({ type: "tool-call" as const, ...call, input: JSON.parse(call.input) as unknown }));
  return { message: { role: "assistant", content: [{ type: "text", text }, ...toolCalls] }, text, calls };
}

export function openBareLog(file: string): DatabaseSync {
  const db = new DatabaseSync(file);
  db.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE log (id INTEGER PRIMARY KEY, run INTEGER, data TEXT)");
  return db;
}

/** One commit per append. */
export function appendEach(db: DatabaseSync): Append {
  const insert = db.prepare("INSERT INTO log (run, data) VALUES (1, ?)");
  return (text) => void insert.run(text);
}

/** Appends of one turn of the event loop share a commit. */
export function appendGrouped(db: DatabaseSync): Append {
  const insert = db.prepare("INSERT INTO log (run, data) VALUES (1, ?)");
  let waiting: { text: string; done: () => void }[] = [];
  const flush = (): void => {
    const batch = waiting;
    waiting = [];
    db.exec("BEGIN");
    for (const { text } of batch) insert.run(text);
    db.exec("COMMIT");
    for (const { done } of batch) done();
  };
  return (text) =>
    new Promise((done) => {
      if (waiting.length === 0) setImmediate(flush);
      waiting.push({ text, done });
    });
}
