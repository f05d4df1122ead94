/** LangGraph JS through `createAgent` of langchain, without a checkpointer, with `MemorySaver`, and with `SqliteSaver`. */
import { join } from "node:path";
import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage } from "@langchain/core/messages";
import { MemorySaver } from "@langchain/langgraph";
import { createAgent, tool } from "langchain";
import { INSTRUCTIONS, lookup, PROMPT, TOOL, USAGE } from "../../workload.ts";

class MockChatModel extends BaseChatModel {
  constructor(next) {
    super({});
    this.next = next;
  }

  _llmType() {
    return "mock";
  }

  bindTools() {
    return this;
  }

  async _generate() {
    const { text, calls } = await this.next();
    const message = new AIMessage({
      content: text,
      tool_calls: calls.map(({ id, name, input }) => ({ id, name, args: input, type: "tool_call" })),
      usage_metadata: { input_tokens: USAGE.input, output_tokens: USAGE.output, total_tokens: USAGE.input + USAGE.output },
    });
    return { generations: [{ text, message }] };
  }
}

const tools = [tool(async ({ item }) => lookup(item), { name: TOOL.name, description: TOOL.description, schema: TOOL.schema })];

async function checkpointerOf(variant, folder) {
  if (variant === "memory") return new MemorySaver();
  if (!variant.startsWith("sqlite")) return undefined;
  const { SqliteSaver } = await import("@langchain/langgraph-checkpoint-sqlite");
  return SqliteSaver.fromConnString(join(folder, "checkpoints.db"));
}

let threads = 0;

export async function open({ variant, folder }) {
  const checkpointer = await checkpointerOf(variant, folder);
  return {
    run: async ({ steps, next }) => {
      const agent = createAgent({ model: new MockChatModel(next), tools, systemPrompt: INSTRUCTIONS, checkpointer });
      const { messages } = await agent.invoke(
        { messages: [{ role: "user", content: PROMPT }] },
        {
          recursionLimit: steps * 2 + 10, // two steps of the graph per step; the default stops at about twelve
          ...(checkpointer === undefined ? {} : { configurable: { thread_id: `thread-${threads++}` } }),
          // Without it: `async`, the default, where the next step does not wait for the checkpoint of the one before.
          ...(variant === "sqlite-sync" ? { durability: "sync" } : {}),
        },
      );
      return messages.at(-1).content;
    },
    ...(variant === "memory" ? { storedBytes: () => bytesOf(checkpointer.storage) + bytesOf(checkpointer.writes) } : {}),
    close: () => checkpointer?.db?.close(),
  };
}

/** Serialised checkpoints are byte arrays. */
function bytesOf(value) {
  if (value instanceof Uint8Array) return value.byteLength;
  if (value === null || typeof value !== "object") return 0;
  return Object.values(value).reduce((sum, inner) => sum + bytesOf(inner), 0);
}
