import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { webhook, type WebhookOptions } from "../../src/adapters/delivery/webhook.ts";
import { type Answer, deliveryOf, localServer, patience } from "./local-server.ts";

const secret = (fill: number): string => `whsec_${Buffer.alloc(32, fill).toString("base64")}`;
const OLD = secret(1);
const NEW = secret(2);

const named = (credential = NEW): Pick<WebhookOptions, "credentials"> => ({
  credentials: (name) => (name === "orders" || name === "webhook" ? credential : undefined),
});

describe("webhook", () => {
  it("S41 is signed as Standard Webhooks says, and its body is sent as it stands", async () => {
    await using server = await localServer(() => ({ status: 204, body: "" }));
    const adapter = webhook({ endpoints: { orders: `${server.url}/in` }, ...named() });
    const delivery = deliveryOf({ kind: "webhook", id: "orders" }, "Grüße, „Anna“ 🫖");
    expect(await adapter.deliver(delivery, patience())).toEqual({ outcome: "delivered", receipt: { status: 204 } });
    const [asked] = server.asked;
    expect(asked).toMatchObject({ method: "POST", path: "/in", body: delivery.body });
    expect(asked?.headers).toMatchObject({ "webhook-id": "r.d0", "content-type": "application/json" });
    const headers = asked?.headers as Record<string, string>;
    expect(new Webhook(NEW).verify(asked?.body ?? "", headers)).toEqual(delivery.message);
    expect(() => new Webhook(OLD).verify(asked?.body ?? "", headers)).toThrow("No matching signature");
    expect(() => new Webhook(NEW).verify(`${asked?.body} `, headers)).toThrow("No matching signature");
  });

  it("S41 is signed with both keys while they are changed", async () => {
    await using server = await localServer(() => ({}));
    const adapter = webhook({ endpoints: { orders: server.url }, ...named(`${OLD} ${NEW}`) });
    await adapter.deliver(deliveryOf({ kind: "webhook", id: "orders" }), patience());
    const [asked] = server.asked;
    for (const key of [OLD, NEW])
      expect(() => new Webhook(key).verify(asked?.body ?? "", asked?.headers as Record<string, string>)).not.toThrow();
  });

  it("S41 has the same id and bytes in every attempt, and the time of the attempt", async () => {
    await using server = await localServer(() => ({ status: 503 }));
    const adapter = webhook({ endpoints: { orders: server.url }, ...named() });
    for (const attempt of [1, 2])
      await adapter.deliver(deliveryOf({ kind: "webhook", id: "orders" }, "x", { attempt }), patience());
    expect(new Set(server.asked.map(({ body }) => body)).size).toBe(1);
    expect(new Set(server.asked.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
  });

  it.each([
    [{ status: 500, body: "oops" }, { error: "the answer was 500: oops" }],
    [{ status: 404 }, { error: "the answer was 404: ok" }],
    [{ status: 410 }, { gone: true }],
    [{ status: 429, headers: { "retry-after": "120" } }, { retryAfterMs: 120_000 }],
    [{ status: 503, headers: { "retry-after": "7" } }, { retryAfterMs: 7_000 }],
  ] as const)("S41 takes %j for a failure: %j", async (answer, failure) => {
    await using server = await localServer(() => answer);
    const adapter = webhook({ endpoints: { orders: server.url }, ...named() });
    const report = await adapter.deliver(deliveryOf({ kind: "webhook", id: "orders" }), patience());
    expect(report).toMatchObject({ outcome: "failed", ...failure });
    expect(report).not.toHaveProperty("permanent");
  });

  it.each([301, 302, 307, 308])("S41 follows no redirect: %i is a failure", async (status) => {
    await using other = await localServer(() => ({}));
    await using server = await localServer((): Answer => ({ status, headers: { location: other.url } }));
    const adapter = webhook({ endpoints: { orders: server.url }, ...named() });
    expect(await adapter.deliver(deliveryOf({ kind: "webhook", id: "orders" }), patience())).toMatchObject({ outcome: "failed" });
    expect(other.asked).toEqual([]);
  });

  it("S41 stops with its signal, and fails where nobody answers", async () => {
    await using server = await localServer(() => ({ hangs: true }));
    const adapter = webhook({ endpoints: { orders: server.url, nobody: "http://127.0.0.1:1" }, credentials: () => NEW });
    const controller = new AbortController();
    const sending = adapter.deliver(deliveryOf({ kind: "webhook", id: "orders" }), controller.signal);
    controller.abort(new Error("enough"));
    await expect(sending).rejects.toThrow("enough");
    await expect(adapter.deliver(deliveryOf({ kind: "webhook", id: "nobody" }), patience())).rejects.toThrow("ECONNREFUSED");
  });

  it("S41 sends nothing to a private address that a request names, unless its host is allowed", async () => {
    await using server = await localServer(() => ({}));
    const target = { kind: "webhook", url: `${server.url}/hook` };
    const refused = await webhook(named()).deliver(deliveryOf(target), patience());
    expect(refused).toMatchObject({
      outcome: "failed",
      permanent: true,
      error: expect.stringContaining("not an address of the open internet"),
    });
    expect(server.asked).toEqual([]);
    const allowed = webhook({ ...named(), urls: { allowedHosts: [server.host] } });
    expect(await allowed.deliver(deliveryOf(target), patience())).toMatchObject({ outcome: "delivered" });
  });

  it.each([
    [{ kind: "webhook" }, {}, "needs a http or https `url`"],
    [{ kind: "webhook", url: "ftp://example.org" }, {}, "needs a http or https `url`"],
    [{ kind: "webhook", url: "https://example.org" }, { urls: false }, "takes no webhook URLs"],
    [{ kind: "webhook", id: "toString" }, {}, "no webhook endpoint toString"],
    [
      { kind: "webhook", url: "https://example.org", credential: "AWS_SECRET_ACCESS_KEY" },
      {},
      "there is no credential AWS_SECRET_ACCESS_KEY",
    ],
    [{ kind: "webhook", url: "https://example.org" }, { credentials: () => "whsec_short" }, "24 to 64 bytes"],
  ] as const)("S41 refuses %j at the door", (target, options, message) => {
    expect(() => webhook({ ...named(), ...options }).check?.(target)).toThrow(message);
  });
});
