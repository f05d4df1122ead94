/**
 * Registered secrets never leave a run: not into its journal, its prompt, its streams, its errors or its deliveries.
 *
 * They are taken out before anything is folded, so what a live run knows is what a resumed one will know.
 */
import { ExecutusError } from "../kernel/errors.ts";
import type { Store } from "../ports/store.ts";
import { checkShapes, either, listOf, object, text } from "./shapes.ts";
import { createRedactor, type Redactor, type SecretValue } from "./redactor.ts";

/** A value, the name of an environment variable that holds one, or a value with the name that is shown in its place. */
export type Secret = string | { readonly env: string } | { readonly name: string; readonly value: string };

/**
 * Asked again whenever a run starts, is taken over or is told something: secrets are renewed. Everybody waits for the answer.
 *
 * It lists all secrets each time: what it leaves out is not taken out any more, of no run. So a renewed one stays on the list for as
 * long as something may still say its old value. It rejects when it cannot tell (nothing is started, taken over or told then; only a cancel or
 * a kill gets through, without its reason); an empty list would let everything through. Names are shown, so they hold no secret.
 */
export type SecretProvider = () => readonly Secret[] | Promise<readonly Secret[]>;

/** Shorter ones would take half of every text with them. */
const SHORTEST = 6;

const PROVIDED = { secrets: listOf(either(text, object)) };

export class Redaction {
  readonly #provider: SecretProvider | undefined;
  #redactor: Redactor | undefined;

  constructor(secrets: readonly Secret[] | SecretProvider) {
    if (typeof secrets === "function") this.#provider = secrets;
    else this.#redactor = createRedactor(secrets.flatMap(toValue));
  }

  /** Undefined: there is nothing to take out. */
  get current(): Redactor | undefined {
    return this.#redactor;
  }

  async refresh(): Promise<void> {
    if (this.#provider === undefined) return;
    const secrets = await this.#provider();
    checkShapes({ secrets }, PROVIDED, { owner: "what the executor's `secrets` gave", code: "config_invalid" });
    this.#redactor = createRedactor(secrets.flatMap(toValue));
  }

  text(text: string): string {
    return this.#redactor === undefined ? text : this.#redactor.text(text);
  }

  data<T>(data: T): T {
    return this.#redactor === undefined ? data : this.#redactor.data(data);
  }

  /** An error as it may be shown. */
  error(error: unknown): unknown {
    if (this.#redactor === undefined || !(error instanceof Error)) return error;
    const message = this.text(error.message);
    if (!(error instanceof ExecutusError)) return message === error.message ? error : new Error(message);
    const hint = error.hint === undefined ? undefined : this.text(error.hint);
    if (message === error.message && hint === error.hint) return error;
    const { code, retryable, run, file } = error;
    return new ExecutusError(code, message, {
      retryable,
      ...(hint === undefined ? {} : { hint }),
      ...(run === undefined ? {} : { run }),
      ...(file === undefined ? {} : { file }),
    });
  }
}

/** A variable that is not set holds no secret. */
function toValue(secret: Secret): readonly SecretValue[] {
  if (typeof secret === "string") return [checked({ value: secret })];
  if ("value" in secret) return [checked(secret)];
  const value = process.env[secret.env] ?? "";
  return value === "" ? [] : [checked({ name: secret.env, value })];
}

function checked(secret: SecretValue): SecretValue {
  if (typeof secret.value === "string" && secret.value.length >= SHORTEST) return secret;
  const what = secret.name === undefined ? "a registered secret" : `the secret ${secret.name}`;
  throw new ExecutusError("request_invalid", `${what} has fewer than ${SHORTEST} characters`, {
    hint: "It would be taken out of ordinary words too: use a longer one, or do not register it.",
  });
}

/** Whoever tells a run something, tells it without secrets: what waits in the inbox is on disk already. */
export function withCleanInbox(store: Store, redaction: Redaction): Store {
  const { inbox } = store;
  return { ...store, inbox: { ...inbox, send: (run, entry) => inbox.send(run, redaction.data(entry)) } };
}
