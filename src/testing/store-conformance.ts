/**
 * What every Store must do, whatever it is made of. Run it in the tests of an implementation:
 *
 * @example
 * import { describe, it } from "vitest";
 * storeConformance({ describe, it }, "my store", async () => ({ store: await openMyStore() }));
 */
import type { Store } from "../ports/store.ts";
import { inboxConformance } from "./store-conformance-inbox.ts";
import { journalConformance } from "./store-conformance-journal.ts";
import { lanesConformance } from "./store-conformance-lanes.ts";
import { outboxConformance } from "./store-conformance-outbox.ts";
import { ledgerConformance } from "./store-conformance-ledger.ts";
import { ownersConformance } from "./store-conformance-owners.ts";
import { runsConformance } from "./store-conformance-runs.ts";

/** The two functions of a test runner that a suite needs; vitest, jest and `node:test` have them. */
export interface TestApi {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly it: (name: string, body: () => Promise<void>) => unknown;
}

/** An empty store and the ways to look at its data from elsewhere. */
export interface StoreUnderTest {
  readonly store: Store;
  /** The same data as another living process sees it. */
  readonly second: () => Promise<Store>;
  /** The same data after the process of `store` died without a word. */
  readonly crash: () => Promise<Store>;
  /** Durable stores: disposes `store` and opens the same data again. */
  readonly reopen?: () => Promise<Store>;
  /** Called after each test, whatever happened. */
  readonly close?: () => Promise<void>;
}

export type OpenStore = () => Promise<StoreUnderTest>;

/** Registers the suite; `open` gives a fresh, empty store for each test. */
export function storeConformance(api: TestApi, name: string, open: OpenStore): void {
  const test = (title: string, body: (subject: StoreUnderTest) => Promise<void>): void => {
    api.it(title, async () => {
      const subject = await open();
      try {
        await body(subject);
      } finally {
        await subject.close?.();
      }
    });
  };
  api.describe(`${name} keeps the promises of a store`, () => {
    api.describe("journal", () => journalConformance(test));
    api.describe("inbox", () => inboxConformance(test));
    api.describe("owners", () => ownersConformance(test));
    api.describe("runs", () => runsConformance(test));
    api.describe("lanes", () => lanesConformance(test));
    api.describe("outbox", () => outboxConformance(test));
    api.describe("ledger", () => ledgerConformance(test));
  });
}

export type StoreTest = (title: string, body: (subject: StoreUnderTest) => Promise<void>) => void;
