/** A tool says that it may run again with the same key, and ignores the key. A test that stops the run everywhere finds it. */
import { defineAgent, defineTool } from "executus";
import { crashEverywhere } from "executus/testing";

let charges: { readonly key: string; readonly euros: number }[] = [];

/** Called each time the run is played, with nothing charged yet. */
const cashier = (looksAtTheKey: boolean) => () => {
  charges = [];
  const charge = defineTool({
    name: "charge",
    description: "Charges a card.",
    effect: "idempotent",
    input: { type: "object", properties: { euros: { type: "number" } }, required: ["euros"] },
    execute: ({ euros }, { idempotencyKey: key }) => {
      const isDone = looksAtTheKey && charges.some((made) => made.key === key);
      if (!isDone) charges.push({ key, euros });
      return "charged";
    },
  });
  return defineAgent({ name: "cashier", instructions: "Charge what you are told.", tools: [charge] });
};

const script = [{ calls: [{ name: "charge", input: { euros: 40 } }] }, { text: "Charged." }];
const outside = () => charges;

const passed = () => "nothing found";
const failed = (error: Error) => error.message.split("\n")[0];
console.log(await crashEverywhere(cashier(false), script, { outside }).then(passed, failed));
console.log(await crashEverywhere(cashier(true), script, { outside, pairs: true }));
