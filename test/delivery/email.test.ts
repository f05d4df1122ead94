/** Against a server that speaks SMTP. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { describe, expect, it } from "vitest";
import { email } from "../../src/adapters/delivery/email.ts";
import { deliveryOf, patience } from "./local-server.ts";

async function mailServer(more: SMTPServerOptions = {}) {
  const mails: string[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    logger: false,
    closeTimeout: 50,
    onAuth: ({ username, password }, _session, done) => done(password === "hidden" ? null : new Error("no"), { user: username }),
    onData: (stream, _session, done) => {
      const parts: Buffer[] = [];
      stream.on("data", (part: Buffer) => parts.push(part));
      stream.on("end", () => {
        mails.push(Buffer.concat(parts).toString("utf8"));
        done();
      });
    },
    ...more,
  });
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  const { port } = server.server.address() as AddressInfo;
  return {
    mails,
    url: (password = "hidden") => `smtp://runs:${password}@127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

const target = { kind: "email", id: "anna@example.com" };
const from = "executus <runs@example.com>";
const mayReceive = (): boolean => true;

describe("e-mail", () => {
  it("S41 is sent with a Message-ID that follows from the delivery", async () => {
    await using server = await mailServer();
    const adapter = email({ from, mayReceive, credentials: () => server.url() });
    const report = await adapter.deliver(deliveryOf(target, "15 mugs.\n.\nEnd."), patience());
    expect(report).toMatchObject({ outcome: "delivered", receipt: { messageId: "<r.d0@example.com>" } });
    await adapter.deliver(deliveryOf(target, "15 mugs.", { attempt: 2 }), patience());
    const [mail = "", again = ""] = server.mails;
    for (const one of [mail, again]) expect(one).toContain("Message-ID: <r.d0@example.com>");
    expect(mail).toMatch(/^From: executus <runs@example.com>\r$/m);
    expect(mail).toMatch(/^To: anna@example.com\r$/m);
    expect(mail).toMatch(/^Subject: clerk: completed\r$/m);
    expect(mail).toContain("Auto-Submitted: auto-generated");
    expect(mail).toContain("15 mugs.\r\n.\r\nEnd.");
  });

  it("S41 cannot be given headers by its subject", async () => {
    await using server = await mailServer();
    const adapter = email({ from, mayReceive, credentials: () => server.url() });
    await adapter.deliver(deliveryOf({ ...target, options: { subject: "Hello\r\nBcc: eve@example.com" } }), patience());
    expect(server.mails[0]).not.toMatch(/^Bcc:/m);
  });

  it.each([
    [550, { permanent: true }],
    [451, {}],
  ] as const)("S41 is refused with %i", async (responseCode, failure) => {
    const error = Object.assign(new Error("mailbox says no"), { responseCode });
    await using server = await mailServer({ onRcptTo: (_address, _session, done) => done(error) });
    const report = await email({ from, mayReceive, credentials: () => server.url() }).deliver(deliveryOf(target), patience());
    expect(report).toMatchObject({ outcome: "failed", error: expect.stringContaining("mailbox says no"), ...failure });
    expect("permanent" in report).toBe("permanent" in failure);
  });

  it("S41 fails without telling the password", async () => {
    await using server = await mailServer();
    const adapter = email({ from, mayReceive, credentials: () => server.url("wrong-password") });
    const report = await adapter.deliver(deliveryOf(target), patience());
    expect(report.outcome).toBe("failed");
    expect(JSON.stringify(report)).not.toContain("wrong-password");
    const nobody = email({ from, mayReceive, credentials: () => "smtp://runs:hidden@127.0.0.1:1" });
    expect(await nobody.deliver(deliveryOf(target), patience())).toMatchObject({ outcome: "failed" });
  });

  it("S41 stops with its signal", async () => {
    await using server = await mailServer({ onMailFrom: () => {} });
    const controller = new AbortController();
    const sending = email({ from, mayReceive, credentials: () => server.url() }).deliver(deliveryOf(target), controller.signal);
    setTimeout(() => controller.abort(new Error("enough")), 50);
    const ended = await Promise.race([
      sending.catch(() => "rejected"),
      new Promise((resolve) => setTimeout(() => resolve("hangs"), 5_000)),
    ]);
    expect(ended).not.toBe("hangs");
  });

  it.each(["no address", "a@b, c@d", "a@b>", ""])("S41 refuses the address %j", (id) => {
    expect(() => email({ from, mayReceive, credentials: () => "smtp://x" }).check?.({ kind: "email", id })).toThrow(
      "one address",
    );
  });

  it("S41 writes only to addresses that it may", () => {
    const adapter = email({ from, credentials: () => "smtp://x", mayReceive: (address) => address.endsWith("@example.com") });
    expect(() => adapter.check?.(target)).not.toThrow();
    expect(() => adapter.check?.({ kind: "email", id: "eve@example.org" })).toThrow("no e-mail is sent to eve@example.org");
  });
});
