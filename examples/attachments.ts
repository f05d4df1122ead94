/** Files in, files out: a text is read in pieces, an image is shown, a report is left behind. */
import { createExecutor, createMemoryBlobs, defineAgent, defineTool } from "executus";
import { scriptedModel } from "executus/testing";

const report = defineTool({
  name: "write_report",
  description: "Writes the report.",
  input: { type: "object", properties: { text: { type: "string" } }, required: ["text"] },
  execute: async ({ text }: { readonly text: string }, context) => {
    await context.addArtifact({ name: "report.md", mediaType: "text/markdown", content: `# Report\n\n${text}\n` });
    return "written";
  },
});

const models = scriptedModel([
  { calls: [{ name: "read_attachment", input: { file: "file-1", length: 12 } }] },
  { calls: [{ name: "write_report", input: { text: "It begins with a greeting." } }] },
  { text: "The report is written." },
]);

const blobs = createMemoryBlobs();
const executor = createExecutor({ models, blobs });
const agent = defineAgent({ name: "reader", instructions: "Read what is attached.", tools: [report] });
const result = await executor.run(agent, {
  input: "What is in these?",
  attachments: [
    { text: "Hello there, and so on.", name: "letter.txt" },
    { bytes: Buffer.from("89504e470d0a1a0a", "hex"), name: "cat.png" },
  ],
});
for (const { name, mediaType, data } of result.artifacts) {
  console.log(name, mediaType, JSON.stringify(Buffer.from(await blobs.get(data.hash)).toString()));
}
