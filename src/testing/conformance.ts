/** What the suites of all ports have in common. */
import assert from "node:assert/strict";
import { isExecutusError } from "../kernel/errors.ts";
import type { TestApi } from "./store-conformance.ts";

/** Something fresh for each test. */
export interface Subject {
  /** Called after each test, whatever happened. */
  readonly close?: () => Promise<void>;
}

export type PortTest<T> = (title: string, body: (subject: T) => Promise<void>) => void;

/** `NAME keeps the promises of PORT`, with a fresh subject for each test. */
export function suite<T extends Subject>(
  api: TestApi,
  title: string,
  { open, tests }: { readonly open: () => Promise<T>; readonly tests: (test: PortTest<T>) => void },
): void {
  const test: PortTest<T> = (name, body) => {
    api.it(name, async () => {
      const subject = await open();
      try {
        await body(subject);
      } finally {
        await subject.close?.();
      }
    });
  };
  api.describe(title, () => tests(test));
}

/** It will be journaled: nothing is lost as JSON. */
export function assertPlain(value: unknown, what: string): void {
  if (value !== undefined) assert.deepEqual(JSON.parse(JSON.stringify(value)), value, `${what} is plain JSON`);
}

/** Whoever changes what it is given fails. */
export function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value) || value instanceof AbortSignal) return value;
  for (const part of Object.values(value)) frozen(part);
  return Object.freeze(value);
}

/** An ExecutusError with one of these codes. */
export async function rejectsWith(promise: Promise<unknown>, ...codes: readonly string[]): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(isExecutusError(error), `an ExecutusError, not ${String(error)}`);
    assert.ok(codes.includes(error.code), `${error.code} is none of ${codes.join(", ")}`);
    return true;
  });
}

/** Fails when it has not settled in so much real time. */
export async function settles<T>(promise: Promise<T>, ms = 5_000): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new assert.AssertionError({ message: `it has not come back after ${ms} ms` })), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
