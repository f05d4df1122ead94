import assert from "node:assert/strict";
import type { Files } from "../ports/files.ts";
import { rejectsWith, settles, type Subject, suite } from "./conformance.ts";
import type { TestApi } from "./store-conformance.ts";

type Place = Parameters<Files["read"]>[0];

export interface FilesUnderTest extends Subject {
  readonly files: Files;
  /** A file that is there: at least two bytes. */
  readonly file: { readonly source: Place; readonly bytes: Uint8Array; readonly name: string };
  /** One that is not. */
  readonly missing: Place;
}

const UNREADABLE = ["attachment_unreadable", "url_refused", "url_failed"];

/**
 * What every Files must do.
 *
 * @example
 * filesConformance({ describe, it }, "my drive", async () => ({ files: myDrive, file: { source: { url }, bytes, name }, missing }));
 */
export function filesConformance(api: TestApi, name: string, open: () => Promise<FilesUnderTest>): void {
  suite(api, `${name} keeps the promises of files`, {
    open,
    tests: (test) => {
      test("reads a file, byte for byte, under its name, any number of times", async ({ files, file }) => {
        for (let i = 0; i < 2; i++) {
          const { bytes, name: found } = await settles(files.read(file.source, { maxBytes: file.bytes.length }));
          assert.ok(Buffer.from(bytes).equals(file.bytes), "other bytes");
          assert.equal(found, file.name);
        }
      });

      test("refuses a file that is too large", async ({ files, file }) => {
        await rejectsWith(settles(files.read(file.source, { maxBytes: file.bytes.length - 1 })), "attachment_too_large");
      });

      test("says that it cannot read what is not there", async ({ files, missing }) => {
        await rejectsWith(settles(files.read(missing, { maxBytes: 1_000 })), ...UNREADABLE);
      });
    },
  });
}
