/**
 * What every Blobs must do, whatever it is made of.
 *
 * @example
 * import { describe, it } from "vitest";
 * blobsConformance({ describe, it }, "my blobs", async () => ({ blobs: await openMyBlobs() }));
 */
import assert from "node:assert/strict";
import type { Blobs } from "../ports/blobs.ts";
import type { TestApi } from "./store-conformance.ts";

export interface BlobsUnderTest {
  readonly blobs: Blobs;
  /** Called after each test, whatever happened. */
  readonly close?: () => Promise<void>;
}

const HELLO = new TextEncoder().encode("hello");
const HELLO_HASH = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
const LONG_AGO = -60_000;

/** Registers the suite; `open` gives an empty place for each test. */
export function blobsConformance(api: TestApi, name: string, open: () => Promise<BlobsUnderTest>): void {
  const test = (title: string, body: (blobs: Blobs) => Promise<void>): void => {
    api.it(title, async () => {
      const subject = await open();
      try {
        await body(subject.blobs);
      } finally {
        await subject.close?.();
      }
    });
  };

  api.describe(`${name} keeps the promises of blobs`, () => {
    test("names bytes by their SHA-256 and gives them back", async (blobs) => {
      assert.equal(await blobs.put(HELLO), HELLO_HASH);
      assert.deepEqual(new Uint8Array(await blobs.get(HELLO_HASH)), HELLO);
    });

    test("keeps empty and large blobs", async (blobs) => {
      for (const bytes of [new Uint8Array(0), new Uint8Array(5_000_000).fill(7)]) {
        const hash = await blobs.put(bytes);
        assert.ok(Buffer.from(await blobs.get(hash)).equals(bytes));
      }
    });

    test("takes the same bytes any number of times, also at once", async (blobs) => {
      const hashes = await Promise.all([HELLO, HELLO, HELLO, HELLO].map((bytes) => blobs.put(bytes)));
      assert.deepEqual(new Set(hashes), new Set([HELLO_HASH]));
      assert.equal(await blobs.put(HELLO), HELLO_HASH);
      assert.equal(await blobs.collect(new Set(), LONG_AGO), 1);
    });

    test("is not changed by what callers do with their bytes", async (blobs) => {
      const mine = HELLO.slice();
      await blobs.put(mine);
      mine.fill(0);
      (await blobs.get(HELLO_HASH)).fill(0);
      assert.deepEqual(new Uint8Array(await blobs.get(HELLO_HASH)), HELLO);
    });

    test("says that a blob is missing, also for names that are none", async (blobs) => {
      for (const hash of [HELLO_HASH, "", "../../etc/passwd", HELLO_HASH.toUpperCase(), `${HELLO_HASH}0`]) {
        await assert.rejects(blobs.get(hash), { code: "blob_missing" });
      }
    });

    test("collects what nobody keeps, once it is old enough", async (blobs) => {
      const kept = await blobs.put(new Uint8Array([1]));
      const dropped = await blobs.put(new Uint8Array([2]));
      assert.equal(await blobs.collect(new Set([kept]), 60_000), 0);
      assert.equal(await blobs.collect(new Set([kept]), LONG_AGO), 1);
      assert.equal((await blobs.get(kept)).length, 1);
      await assert.rejects(blobs.get(dropped), { code: "blob_missing" });
      assert.equal(await blobs.collect(new Set([kept]), LONG_AGO), 0);
    });
  });
}
