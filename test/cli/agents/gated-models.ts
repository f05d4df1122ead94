import type { Message, Models } from "executus";
import { scriptedModel } from "../../../src/testing/scripted-model.ts";

export const gatedModels: Models = scriptedModel(
  (call) => {
    if (call.step === 0) return { text: "First a note.", calls: [{ name: "record", input: { note: "before" } }] };
    if (call.step === 1) return { calls: [{ name: "gate" }] };
    if (call.step === 2) return { calls: [{ name: "record", input: { note: "after" } }] };
    const told = call.messages.slice(1).flatMap(textsOf);
    return { text: `Done.${told.length === 0 ? "" : ` I was told: ${told.join(", ")}`}` };
  },
  { id: "script/gated" },
);

function textsOf(message: Message): readonly string[] {
  return message.role === "user" ? message.content.flatMap((part) => (part.type === "text" ? [part.text] : [])) : [];
}
