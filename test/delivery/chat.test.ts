/** Slack, Discord and Teams, each against a server that speaks as they do. */
import { describe, expect, it } from "vitest";
import { discord } from "../../src/adapters/delivery/discord.ts";
import { slack } from "../../src/adapters/delivery/slack.ts";
import { teams } from "../../src/adapters/delivery/teams.ts";
import { type Asked, type Answer, deliveryOf, localServer, messageOf, patience } from "./local-server.ts";

const LOUD = "@everyone <!channel> <@U123> <https://evil.example|click> & @here";

describe("Slack", () => {
  const token = "xoxb-1234567890";

  /** Keeps what is posted, as the real one does. */
  function workspace() {
    const messages: Record<string, unknown>[] = [];
    const answer = ({ path, json, headers }: Asked): Answer => {
      if (headers.authorization !== `Bearer ${token}`) return { body: { ok: false, error: "invalid_auth" } };
      if (path === "/api/chat.postMessage") {
        messages.unshift({ ...json, ts: `${messages.length}.1` });
        return { body: { ok: true, channel: json["channel"], ts: `${messages.length - 1}.1` } };
      }
      return path.startsWith("/api/conversations.")
        ? { body: { ok: true, messages } }
        : { body: { ok: false, error: "unknown_method" } };
    };
    return { messages, answer };
  }

  it("S41 posts with a token, without markup of others, and finds what an earlier attempt posted", async () => {
    const { messages, answer } = workspace();
    await using server = await localServer(answer);
    const adapter = slack({ api: `${server.url}/api`, credentials: () => token });
    const target = { kind: "slack", id: "C1" };
    const first = await adapter.deliver(deliveryOf(target, LOUD), patience());
    expect(first).toEqual({ outcome: "delivered", receipt: { channel: "C1", ts: "0.1" } });
    expect(messages[0]?.["text"]).toBe(
      "@\u200beveryone &lt;!channel&gt; &lt;@U123&gt; &lt;https://evil.example|click&gt; &amp; @\u200bhere",
    );
    expect(messages[0]).toMatchObject({ link_names: false, parse: "none" });
    const again = await adapter.deliver(deliveryOf(target, LOUD, { attempt: 2 }), patience());
    expect(again).toEqual(first);
    await adapter.deliver(deliveryOf(target, LOUD, { id: "s.d0", attempt: 2 }), patience());
    expect(messages).toHaveLength(2);
  });

  it("S41 answers in a thread and looks for itself there", async () => {
    const { messages, answer } = workspace();
    await using server = await localServer(answer);
    const adapter = slack({ api: `${server.url}/api`, credentials: () => token });
    await adapter.deliver(deliveryOf({ kind: "slack", id: "C1", options: { thread: "9.9" } }, "x", { attempt: 2 }), patience());
    expect(messages[0]?.["thread_ts"]).toBe("9.9");
    expect(server.asked[0]).toMatchObject({ path: "/api/conversations.replies", json: { ts: "9.9" } });
  });

  it.each([
    [{ body: { ok: false, error: "channel_not_found" } }, { permanent: true, error: "Slack said channel_not_found" }],
    [{ body: { ok: false, error: "internal_error" } }, { error: "Slack said internal_error" }],
    [{ status: 429, headers: { "retry-after": "30" }, body: { ok: false, error: "ratelimited" } }, { retryAfterMs: 30_000 }],
    [{ status: 503, body: "down" }, { error: "the answer was 503: down" }],
  ] as const)("S41 takes %j for %j", async (answer, failure) => {
    await using server = await localServer(() => answer);
    const adapter = slack({ api: server.url, credentials: () => token });
    const report = await adapter.deliver(deliveryOf({ kind: "slack", id: "C1" }), patience());
    expect(report).toMatchObject({ outcome: "failed", ...failure });
    expect("permanent" in report).toBe("permanent" in failure);
  });

  it("S41 posts to an incoming webhook, and is told when that is gone; its URL is in no error", async () => {
    await using server = await localServer(({ path }) =>
      path === "/services/T/B/hidden" ? {} : { status: 404, body: `no_service ${path}` },
    );
    const hooks: Record<string, string> = {
      good: `${server.url}/services/T/B/hidden`,
      bad: `${server.url}/services/T/B/gone-hook`,
    };
    const adapter = slack({ credentials: (name) => hooks[name] });
    expect(await adapter.deliver(deliveryOf({ kind: "slack", credential: "good" }), patience())).toEqual({
      outcome: "delivered",
    });
    const report = await adapter.deliver(deliveryOf({ kind: "slack", credential: "bad" }), patience());
    expect(report).toMatchObject({ outcome: "failed", gone: true });
    const silent = slack({ credentials: () => "http://127.0.0.1:1/services/T/B/hidden" });
    const error = await silent.deliver(deliveryOf({ kind: "slack" }), patience()).catch((thrown: Error) => thrown.message);
    expect(error).not.toContain("hidden");
  });

  it("S41 cuts what Slack would cut, and needs a channel with a token", async () => {
    const { messages, answer } = workspace();
    await using server = await localServer(answer);
    const adapter = slack({ api: `${server.url}/api`, credentials: () => token });
    await adapter.deliver(deliveryOf({ kind: "slack", id: "C1" }, "x".repeat(60_000)), patience());
    expect(String(messages[0]?.["text"])).toHaveLength(39_000);
    expect(() => adapter.check?.({ kind: "slack" })).toThrow("needs the `id` of a channel");
  });
});

describe("Discord", () => {
  const posted = { body: { id: "77", channel_id: "5" } };

  it("S41 posts, waits for the message, and calls nobody", async () => {
    await using server = await localServer(() => posted);
    const adapter = discord({ credentials: () => `${server.url}/api/webhooks/1/token` });
    const report = await adapter.deliver(deliveryOf({ kind: "discord", options: { thread: "8" } }, LOUD), patience());
    expect(report).toEqual({ outcome: "delivered", receipt: { message: "77", channel: "5" } });
    expect(server.asked[0]?.path).toBe("/api/webhooks/1/token?wait=true&thread_id=8");
    expect(server.asked[0]?.json["allowed_mentions"]).toEqual({ parse: [] });
    expect(server.asked[0]?.json["content"]).not.toMatch(/@(everyone|here)/);
  });

  it("S41 attaches what is longer than a message", async () => {
    await using server = await localServer(() => posted);
    const adapter = discord({ credentials: () => server.url });
    const text = "Zeile — 🫖\n".repeat(300);
    await adapter.deliver(deliveryOf({ kind: "discord" }, text), patience());
    const { headers, body } = server.asked[0] ?? { headers: {}, body: "" };
    const type = headers["content-type"] ?? "";
    const form = await new Response(body, { headers: { "content-type": type } }).formData();
    const payload = JSON.parse(form.get("payload_json") as string) as { content: string; allowed_mentions: object };
    expect(payload.content.length).toBeLessThanOrEqual(2_000);
    expect(payload.allowed_mentions).toEqual({ parse: [] });
    expect(await (form.get("files[0]") as File).text()).toBe(text);
  });

  it.each([
    [{ status: 429, body: { retry_after: 1.5 } }, { retryAfterMs: 1_500 }],
    [{ status: 404, body: { message: "Unknown Webhook", code: 10015 } }, { gone: true }],
    [{ status: 400, body: { message: "Cannot send an empty message" } }, { permanent: true }],
    [{ status: 302, headers: { location: "https://example.org" } }, { permanent: true }],
    [{ status: 500 }, { error: "the answer was 500: ok" }],
  ] as const)("S41 takes %j for %j", async (answer, failure) => {
    await using server = await localServer(() => answer);
    const adapter = discord({ credentials: () => server.url });
    expect(await adapter.deliver(deliveryOf({ kind: "discord" }), patience())).toMatchObject({ outcome: "failed", ...failure });
  });
});

describe("Teams", () => {
  it("S41 sends an Adaptive Card to the workflow's URL", async () => {
    await using server = await localServer(() => ({ status: 202, body: "" }));
    const adapter = teams({ credentials: () => `${server.url}/workflows/1?sig=hidden` });
    const message = messageOf("So far <at>Anna</at>.", {
      status: "timed_out",
      error: { code: "limit_time", message: "Time is up." },
    });
    const report = await adapter.deliver(deliveryOf({ kind: "teams" }, "", { message }), patience());
    expect(report).toEqual({ outcome: "delivered", receipt: { status: 202 } });
    const { type, attachments } = (server.asked[0]?.json ?? {}) as {
      type: string;
      attachments: { contentType: string; content: { type: string; body: { text: string }[] } }[];
    };
    expect(type).toBe("message");
    expect(attachments[0]?.contentType).toBe("application/vnd.microsoft.card.adaptive");
    expect(attachments[0]?.content.type).toBe("AdaptiveCard");
    expect(attachments[0]?.content.body.map(({ text }) => text)).toEqual([
      "clerk: timed out",
      "clerk ended as timed out: Time is up.\n\nSo far &lt;at&gt;Anna&lt;/at&gt;.",
    ]);
  });

  it("S41 keeps below 28 KB, tries again when there is too much traffic, and tells its URL to nobody", async () => {
    await using server = await localServer(() => ({
      status: 429,
      headers: { "retry-after": "5" },
      body: "sig=hidden-signature is busy",
    }));
    const adapter = teams({ credentials: () => `${server.url}/workflows/1?sig=hidden-signature` });
    const report = await adapter.deliver(deliveryOf({ kind: "teams" }, "ü".repeat(40_000)), patience());
    expect(report).toMatchObject({ outcome: "failed", retryAfterMs: 5_000 });
    expect(JSON.stringify(report)).not.toContain("hidden-signature");
    expect(Buffer.byteLength(server.asked[0]?.body ?? "")).toBeLessThan(28_000);
  });
});
