/** E-mail over SMTP, with `nodemailer`. The Message-ID follows from the delivery, so that a repetition is recognised as one. */
import { ExecutusError } from "../../kernel/errors.ts";
import type { Delivery, DeliveryAdapter, DeliveryReport } from "../../ports/delivery.ts";
import { type CredentialOptions, credentialOf, withoutSecrets } from "./credentials.ts";
import { textOf, titleOf } from "./message-text.ts";

export interface EmailOptions extends CredentialOptions {
  /** `executus <runs@example.com>` */
  readonly from: string;
  /** Addresses that requests may write to. No default: what may be written to anybody has to say so. */
  readonly mayReceive: (address: string) => boolean;
}

/**
 * `id` is the address, the credential the server: `smtps://user:password@mail.example.com`. `options.subject` replaces the subject.
 * Needs the package `nodemailer`.
 *
 * @example
 * delivery: { adapters: [email({ from: "runs@example.com", mayReceive: (to) => to.endsWith("@example.com") })] }   // request: { delivery: { kind: "email", id: "anna@example.com" } }
 */
export function email(options: EmailOptions): DeliveryAdapter {
  return {
    kind: "email",
    check: ({ id = "", ...target }) => {
      credentialOf(target, options);
      const isAddress = /^[^\s@<>,;"]+@[^\s@<>,;"]+$/.test(id);
      if (isAddress && options.mayReceive(id)) return;
      const why = isAddress
        ? `no e-mail is sent to ${id}`
        : `an e-mail delivery needs one address as its \`id\`, not ${JSON.stringify(id)}`;
      throw new ExecutusError("request_invalid", why);
    },
    deliver: (delivery, signal) => deliver(delivery, options, signal),
  };
}

async function deliver(delivery: Delivery, options: EmailOptions, signal: AbortSignal): Promise<DeliveryReport> {
  const server = credentialOf(delivery.target, options);
  const { createTransport } = await loadNodemailer();
  const transport = createTransport({ url: server, ...PATIENCE });
  try {
    const sent = await Promise.race([transport.sendMail(toMail(delivery, options)), rejectedBy(signal)]);
    return { outcome: "delivered", receipt: { messageId: sent.messageId, response: sent.response } };
  } catch (error) {
    return toFailure(error, server);
  } finally {
    transport.close();
  }
}

/** A connection cannot be called back, so it ends by itself soon after whoever wanted it has gone, ms. */
const PATIENCE = { connectionTimeout: 15_000, greetingTimeout: 15_000, socketTimeout: 20_000 };

function rejectedBy(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const fail = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
    if (signal.aborted) fail();
    else signal.addEventListener("abort", fail, { once: true });
  });
}

function toMail({ id, target, message }: Delivery, { from }: EmailOptions): object {
  const subject = target.options?.["subject"];
  const host = /@([^\s>]+)/.exec(from)?.[1] ?? "executus";
  return {
    from,
    to: { name: "", address: target.id ?? "" },
    subject: typeof subject === "string" ? subject : titleOf(message),
    text: textOf(message),
    messageId: `<${id.replaceAll(/[^\w.-]/g, "_")}@${host}>`,
    date: new Date(message.timestamp),
    headers: { "auto-submitted": "auto-generated", "x-executus-delivery": id },
    // A text can name files and addresses as it likes: nothing of it is fetched or read.
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

async function loadNodemailer(): Promise<typeof import("nodemailer")> {
  try {
    return await import("nodemailer");
  } catch (cause) {
    throw new ExecutusError("not_supported", "e-mail deliveries need the package nodemailer", {
      cause,
      hint: "npm install nodemailer",
    });
  }
}

/** 5xx is the server's no; anything else (4xx, no connection) may be another time. */
function toFailure(error: unknown, server: string): DeliveryReport {
  const { password } = new URL(server);
  const secrets = [server, password, decodeURIComponent(password)];
  const message = withoutSecrets(error instanceof Error ? error.message : String(error), secrets);
  const code = error instanceof Error && "responseCode" in error ? Number(error.responseCode) : 0;
  return code >= 500 && code < 600
    ? { outcome: "failed", error: message, permanent: true }
    : { outcome: "failed", error: message };
}
