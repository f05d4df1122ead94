/** Starts the thread in the folder, or goes on with it: `node crash.mjs FOLDER tool-node|tool-node-sync|react-v2`. */
import { join } from "node:path";
import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite";
import { createReactAgent, ToolNode, toolsCondition } from "@langchain/langgraph/prebuilt";
import { CALLS_PER_STEP, doWork, sayEnded, sayReady, STEPS } from "../../crash/work.ts";
import { answerAt, TOOL } from "../../workload.ts";

const [folder, variant] = process.argv.slice(2);
const log = join(folder, "effects.txt");

class MockChatModel extends BaseChatModel {
  _llmType() {
    return "mock";
  }

  bindTools() {
    return this;
  }

  async _generate(messages) {
    const step = messages.filter((message) => message.getType() === "ai").length;
    const { text, calls } = answerAt(step, { steps: STEPS + 1, parallel: CALLS_PER_STEP });
    const tool_calls = calls.map(({ id, name, input }) => ({ id, name, args: input, type: "tool_call" }));
    return { generations: [{ text, message: new AIMessage({ content: text, tool_calls }) }] };
  }
}

const model = new MockChatModel({});
const tools = [tool(({ item }) => doWork(log, item), { name: TOOL.name, description: TOOL.description, schema: TOOL.schema })];
const checkpointer = SqliteSaver.fromConnString(join(folder, "checkpoints.db"));

function graphOf() {
  if (variant === "react-v2") return createReactAgent({ llm: model, tools, checkpointer, version: "v2" });
  return new StateGraph(MessagesAnnotation)
    .addNode("agent", async ({ messages }) => ({ messages: [await model.invoke(messages)] }))
    .addNode("tools", new ToolNode(tools))
    .addEdge(START, "agent")
    .addConditionalEdges("agent", toolsCondition)
    .addEdge("tools", "agent")
    .compile({ checkpointer });
}

const graph = graphOf();
const config = {
  configurable: { thread_id: "run" },
  recursionLimit: 100,
  ...(variant === "tool-node-sync" ? { durability: "sync" } : {}),
};
sayReady();
const { createdAt } = await graph.getState(config);
const input = createdAt === undefined ? { messages: [{ role: "user", content: "Go." }] } : null;
await graph.invoke(input, config);
// What the thread holds in the end, however many calls it took.
const { values, next } = await graph.getState(config);
sayEnded(next.length === 0 && values.messages.at(-1).content.startsWith("Done after") ? "completed" : "unfinished");
