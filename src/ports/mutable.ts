/**
 * A value that is being put together. Fields that may be absent are set one by one where a step is hot: a spread of
 * `{ ...(x === undefined ? {} : { x }) }` in the middle of a literal costs as much as ten assignments.
 */
export type Mutable<T> = { -readonly [K in keyof T]: T[K] };
