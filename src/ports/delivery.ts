/** Delivery port: where the outcome of a run goes once it has ended. */
import type { Artifact } from "./artifact.ts";
import type { JsonObject } from "./json.ts";
import type { Cost, FinalStatus, RunError } from "./view.ts";

/** Journaled with the request, so it names credentials and never holds them. */
export interface DeliveryTarget {
  /** Which adapter delivers it: `webhook`, `file`, `slack` ... */
  readonly kind: string;
  /** The place in the adapter's own words: a channel, `owner/repo#12`, an address, a path, a configured endpoint. */
  readonly id?: string;
  readonly url?: string;
  /** Name of the credential; where its value comes from is the adapter's configuration. Default: the adapter's own. */
  readonly credential?: string;
  readonly options?: JsonObject;
}

/** What is delivered. `type` and `data` follow Standard Webhooks. */
export interface DeliveryMessage {
  readonly type: `run.${FinalStatus}`;
  /** When the run ended, ISO 8601. */
  readonly timestamp: string;
  readonly data: DeliveryData;
}

export interface DeliveryData {
  readonly run: string;
  readonly agent: string;
  readonly status: FinalStatus;
  /** Final text; of a run that did not complete, as far as it came. */
  readonly output: string;
  readonly error?: RunError;
  /** Names, types and hashes; the bytes are in the blob store. */
  readonly artifacts?: readonly Artifact[];
  readonly caller?: string;
  readonly channel?: string;
  readonly tenant?: string;
  readonly parent?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly steps: number;
  readonly toolCalls: number;
  readonly tokens: number;
  readonly costUsd: Cost;
  readonly activeMs: number;
}

/** One attempt at a delivery. */
export interface Delivery {
  /** The same in every attempt, in every process: what a receiver recognises a repetition by. */
  readonly id: string;
  readonly run: string;
  readonly target: DeliveryTarget;
  readonly message: DeliveryMessage;
  /** `message` as JSON without white space: byte for byte the same in every attempt. */
  readonly body: string;
  /** 1-based. From 2 on an earlier attempt may have arrived. */
  readonly attempt: number;
}

export type DeliveryReport =
  | { readonly outcome: "delivered"; /** What the platform said: an id, a link. */ readonly receipt?: JsonObject }
  | {
      readonly outcome: "failed";
      /** For people; without secrets. */
      readonly error: string;
      /** Trying again is of no use. */
      readonly permanent?: true;
      /** The target is closed for good (410): nothing more is sent to it until a redelivery arrives. */
      readonly gone?: true;
      /** Not earlier than that, ms. */
      readonly retryAfterMs?: number;
    };

/** One kind of target. */
export interface DeliveryAdapter {
  readonly kind: string;
  /** Called at admission: throws ExecutusError `request_invalid` for a target that can never be delivered to. */
  check?(target: DeliveryTarget): void;
  /** Rejecting is a failure that is tried again. */
  deliver(delivery: Delivery, signal: AbortSignal): Promise<DeliveryReport>;
}
