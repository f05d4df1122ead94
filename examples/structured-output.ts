/** An answer of a certain shape: checked, put right once, typed. */
import { createExecutor, defineAgent } from "executus";
import { scriptedModel } from "executus/testing";
import { z } from "zod";

const counter = defineAgent({
  name: "counter",
  instructions: "Count what is asked for.",
  output: z.object({ article: z.string(), count: z.number().int() }),
});

// The first answer does not fit; the model is told why, and answers once more.
const models = scriptedModel([{ text: "About fifteen mugs." }, { text: '{ "article": "mug", "count": 15 }' }]);

const executor = createExecutor({ models });
const result = await executor.run(counter, "How many mugs are there?");
if (result.data !== undefined) console.log(result.data.article, result.data.count + 1);

const strict = createExecutor({ models: scriptedModel(() => ({ text: "Fifteen." })) });
const refused = await strict.run(counter, "How many mugs are there?");
console.log(refused.status, refused.error?.code, refused.output);
