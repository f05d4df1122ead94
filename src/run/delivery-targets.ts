/** Targets of a request, checked at the door: what can never be delivered is refused before the run begins. */
import { ExecutusError, nearest } from "../kernel/errors.ts";
import type { DeliveryAdapter, DeliveryTarget } from "../ports/delivery.ts";
import type { JsonObject } from "../ports/json.ts";
import { toJson } from "./json.ts";
import type { Redactor } from "./redactor.ts";
import { objectWith } from "./shapes.ts";

const WITH_KIND = objectWith("kind");

export interface DeliveryPlaces {
  readonly adapters: readonly DeliveryAdapter[];
  /** Undefined: no secrets are registered. */
  readonly redactor: Pick<Redactor, "data"> | undefined;
}

export function checkTargets(
  given: DeliveryTarget | readonly DeliveryTarget[] | undefined,
  places: DeliveryPlaces,
): readonly DeliveryTarget[] | undefined {
  if (given === undefined) return undefined;
  const targets: readonly DeliveryTarget[] = Array.isArray(given) ? given : [given];
  return targets.length === 0 ? undefined : targets.map((target) => checkTarget(target, places));
}

function checkTarget(given: DeliveryTarget, { adapters, redactor }: DeliveryPlaces): DeliveryTarget {
  const plain = toJson(given);
  if (!plain.ok) throw invalid(`a delivery target is not JSON: ${plain.problem}`, "Targets are journaled: give plain data.");
  const target = plain.value as JsonObject & DeliveryTarget;
  if (!WITH_KIND.fits(target)) throw invalid("a delivery target has no `kind`", kindsHint(adapters));
  // First of all: whatever else is wrong with it would be said in its own words.
  const kept = redactor === undefined ? target : redactor.data(target);
  if (kept !== target) throw holdsSecret(kept);
  const adapter = adapters.find(({ kind }) => kind === target.kind);
  if (adapter === undefined) throw unknownKind(target.kind, adapters);
  adapter.check?.(target);
  return target;
}

/** Kept without the secret, it would be another target, and the outcome would go there. */
function holdsSecret(kept: DeliveryTarget): ExecutusError {
  return invalid(
    `the delivery target ${JSON.stringify(kept)} holds a registered secret, and targets are kept: it would be delivered to without it`,
    "Let the adapter hold the secret: name it with `credential`, or give an `id` that the adapter resolves.",
  );
}

function unknownKind(kind: string, adapters: readonly DeliveryAdapter[]): ExecutusError {
  const kinds = adapters.map((adapter) => adapter.kind);
  const message = `there is no delivery adapter for targets of the kind ${JSON.stringify(kind)}`;
  const near = nearest(kind, kinds);
  return invalid(message, near === undefined ? kindsHint(adapters) : `Did you mean ${near}?`);
}

function kindsHint(adapters: readonly DeliveryAdapter[]): string {
  if (adapters.length === 0) return "Give the executor `delivery: { adapters: [...] }` from executus/delivery.";
  return `There are: ${adapters.map(({ kind }) => kind).join(", ")}.`;
}

function invalid(message: string, hint: string): ExecutusError {
  return new ExecutusError("request_invalid", message, { hint });
}
