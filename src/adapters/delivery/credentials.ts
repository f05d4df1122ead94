/** Credentials of targets: named in the request and in the journal, held by the configuration or the environment. */
import { ExecutusError } from "../../kernel/errors.ts";
import type { DeliveryTarget } from "../../ports/delivery.ts";

/** The value of a credential, by name; undefined when there is none. */
export type Credentials = (name: string) => string | undefined;

export interface CredentialOptions {
  /** Default: the environment's `EXECUTUS_DELIVERY_<NAME>`, in capitals, with `_` for anything but letters and digits. */
  readonly credentials?: Credentials;
}

const PREFIX = "EXECUTUS_DELIVERY_";

/** Only variables with the prefix: a request must not be able to name any other secret of the process. */
export const environmentCredentials: Credentials = (name) => process.env[variableOf(name)];

function variableOf(name: string): string {
  return `${PREFIX}${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")}`;
}

/** The target's own credential, else the one named like its kind. Throws ExecutusError `request_invalid` naming what is missing. */
export function credentialOf(target: DeliveryTarget, { credentials = environmentCredentials }: CredentialOptions): string {
  const name = target.credential ?? target.kind;
  const value = credentials(name);
  if (value !== undefined && value !== "") return value;
  const hint =
    credentials === environmentCredentials
      ? `Set ${variableOf(name)}.`
      : `Let the adapter's \`credentials\` know ${JSON.stringify(name)}.`;
  throw new ExecutusError("request_invalid", `there is no credential ${name} for ${target.kind} deliveries`, { hint });
}

/** Words of others, without the secrets that they may repeat. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  let clean = text;
  for (const secret of secrets) if (secret.length > 3) clean = clean.replaceAll(secret, "[credential]");
  return clean;
}
