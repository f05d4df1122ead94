/** The outcome of a run goes into a file and to a webhook, which is down at first: it is sent again under the same id. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createExecutor, defineAgent } from "executus";
import { file, webhook } from "executus/delivery";
import { scriptedModel } from "executus/testing";

const seen: unknown[] = [];
const server = createServer((request, response) => {
  seen.push(request.headers["webhook-id"]);
  response.writeHead(seen.length === 1 ? 503 : 204).end();
}).listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/runs`;

const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`; // in earnest: from the environment, EXECUTUS_DELIVERY_SHOP
const adapters = [file({ root: "outcomes" }), webhook({ endpoints: { shop: url }, credentials: () => secret })];
const executor = createExecutor({ models: scriptedModel([{ text: "15 mugs." }]), delivery: { adapters, scheduleMs: [0, 10] } });
const agent = defineAgent({ name: "clerk", instructions: "Look before you answer." });
const delivery = [{ kind: "file" }, { kind: "webhook", id: "shop" }];
const { output } = await executor.run(agent, { id: "mugs", input: "How many mugs?", delivery });

while (seen.length < 2) await new Promise((resolve) => setTimeout(resolve, 20)); // a delivery needs nobody to wait for it
await executor.deliver();
console.log(output, seen.join(" "));
console.log(JSON.parse(readFileSync("outcomes/mugs.d0.json", "utf8")).type);
for (const { id, status, attempts } of await executor.deliveries()) console.log(id, status, attempts);
server.close();
