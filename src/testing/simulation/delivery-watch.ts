/** What targets of deliveries see: each arrives, under one id, and not before its run has ended. */
import type { Delivery, DeliveryReport } from "../../ports/delivery.ts";
import type { DeliveryRow } from "../../ports/store.ts";
import { BEGINNING } from "./host.ts";
import { LONG_MS, type Scene } from "./scene.ts";

interface Sent {
  readonly body: string;
  readonly attempts: Set<number>;
  hasArrived: boolean;
  /** The target wants no more of it. */
  isRefused: boolean;
}

/** The clock of the process that wrote it said so, and nothing is lost by that. */
export function isForTomorrow({ dueAt = 0 }: Pick<DeliveryRow, "dueAt">, now: number): boolean {
  return dueAt > BEGINNING + now + LONG_MS;
}

export class DeliveryWatch {
  readonly #scene: Scene;
  /** By id. */
  readonly #sent = new Map<string, Sent>();

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  /** An attempt begins. */
  sent({ id, run, body, attempt }: Delivery): void {
    const { runs } = this.#scene;
    if (runs.get(run)?.check.state?.finished !== true) this.#scene.problem(`${id} is sent, and the end of ${run} is not durable`);
    const known = this.#sent.get(id) ?? { body, attempts: new Set(), hasArrived: false, isRefused: false };
    this.#sent.set(id, known);
    if (known.body !== body) this.#scene.problem(`${id} is sent again with another body`);
    if (known.attempts.has(attempt)) this.#scene.problem(`${id} is sent a second time as attempt ${attempt}`);
    known.attempts.add(attempt);
  }

  reported({ id }: Delivery, report: DeliveryReport): void {
    const sent = this.#sent.get(id);
    if (sent === undefined) return;
    if (report.outcome === "delivered") sent.hasArrived = true;
    else if (report.permanent === true || report.gone === true) sent.isRefused = true;
  }

  async conclude(now: number): Promise<void> {
    const rows = await this.#scene.store.outbox.list({ limit: Infinity });
    for (const row of rows) if (row.status !== "pending" || !isForTomorrow(row, now)) this.#isKept(row);
  }

  #isKept({ id, run, status, attempts, failures }: DeliveryRow): void {
    const sent = this.#sent.get(id);
    if (status === "pending") this.#scene.problem(`${id} of ${run} is never delivered, after ${attempts} attempts`);
    else if (status === "delivered" && sent?.hasArrived !== true)
      this.#scene.problem(`${id} of ${run} is said to be delivered, and never arrived`);
    else if (status === "dead" && sent?.isRefused !== true && failures < FEWEST && attempts < FEWEST)
      this.#scene.problem(`${id} of ${run} is given up after ${attempts} attempts, and nobody refused it`);
  }
}

/** Attempts that a schedule has at least. */
const FEWEST = 2;
