import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import { ExecutusError } from "../../../kernel/errors.ts";
import type { Delivery } from "../../../ports/delivery.ts";
import { note, print } from "../output.ts";

const EXAMPLES = `
Examples:
  executus webhook secret                                          a new secret, for both sides
  EXECUTUS_DELIVERY_SHOP=whsec_... executus webhook test https://example.com/hooks --credential shop`;

export function configure(command: Command): void {
  command.description("Tries webhooks out, and makes secrets for them.").addHelpText("after", EXAMPLES);
  command
    .command("test")
    .summary("sends a signed test message")
    .description("Sends a signed message of the type executus.test, and says what came back.")
    .helpOption("-h, --help", "print this help")
    .argument("<url>", "where to")
    .option("--credential <name>", "whose secret signs: EXECUTUS_DELIVERY_NAME", "webhook")
    .action(test);
  command
    .command("secret")
    .summary("prints a new secret")
    .description("Prints a new secret.")
    .helpOption("-h, --help", "print this help")
    .action(() => print(`whsec_${randomBytes(32).toString("base64")}`));
}

/** Longer than a receiver should take. */
const PATIENCE_MS = 20_000;

async function test(url: string, { credential }: { readonly credential: string }): Promise<void> {
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? "")) throw new ExecutusError("usage", `${url} is not a http or https URL`);
  const { webhook } = await import("../../../adapters/delivery/webhook.ts");
  // The person at this terminal chose the address, which may be private.
  const adapter = webhook({ endpoints: { test: url } });
  const target = { kind: "webhook", id: "test", credential };
  adapter.check?.(target);
  const report = await adapter.deliver(testDelivery(target), AbortSignal.timeout(PATIENCE_MS)).catch((error: unknown) => ({
    outcome: "failed" as const,
    error: error instanceof Error ? error.message : String(error),
  }));
  if (report.outcome === "failed") throw new ExecutusError("request_invalid", `the test message did not arrive: ${report.error}`);
  note(`arrived: ${JSON.stringify(report.receipt)}`);
}

function testDelivery(target: Delivery["target"]): Delivery {
  const timestamp = new Date().toISOString();
  const nothing = { output: "", steps: 0, toolCalls: 0, tokens: 0, costUsd: 0, activeMs: 0 };
  const data = { run: "test", agent: "executus", status: "completed" as const, ...nothing };
  const body = JSON.stringify({ type: "executus.test", timestamp, data: { message: "A test of this webhook." } });
  return { id: `test.${Date.now()}`, run: "test", target, message: { type: "run.completed", timestamp, data }, body, attempt: 1 };
}
