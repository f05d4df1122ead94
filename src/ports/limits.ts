/** The bounds of a run, resolved once at its start and journaled with it. */
export interface Limits {
  /** Model steps, the reserved wrap-up step included. Default 12. */
  readonly maxSteps: number;
  /** Running time in ms; waiting for a person does not count. Default 60,000. */
  readonly timeMs: number;
  /** Input plus output tokens over the run; absent: no limit. */
  readonly tokens?: number;
  /** US dollars over the run; absent: no limit. */
  readonly costUsd?: number;
  /** Consecutive failed tool calls before the run stops. Default 3. */
  readonly toolErrors: number;
  /** Times the same call may give the same result. Default 3. */
  readonly repeats: number;
  /** Tool calls under way at once. Default 8. */
  readonly parallelCalls: number;
  /** Per tool call, unless the tool says otherwise. Default 30,000. */
  readonly toolTimeoutMs: number;
  /** How long an aborted tool may take to come back before it is abandoned. Default 2,000. */
  readonly graceMs: number;
  /** Silence of everything under way that a supervisor is told of, ms. Default 90,000. */
  readonly idleMs: number;
  /** Model call: until the first part. Default 60,000. */
  readonly firstTokenMs: number;
  /** Model call: between two parts. Default 60,000. */
  readonly idleTokenMs: number;
  /** Model call: all of it. Default 600,000. */
  readonly modelCallMs: number;
  /** Tries per candidate model. Default 3. */
  readonly modelAttempts: number;
  /** First backoff in ms; doubles with every try, full jitter. Default 500. */
  readonly retryBaseMs: number;
  /** Part of the model's context window at which the conversation is shortened; `Infinity`: never. Default 0.7. */
  readonly compactionRatio: number;
  /** Levels of delegates below the run at the top. Default 3. */
  readonly depth: number;
  /** Children over the run. Default 32. */
  readonly children: number;
  /** Children under way at once. Default 4. */
  readonly parallelChildren: number;
  /** After the run: each `afterRun` and each cleanup of a tool source; a killed run has `graceMs` for each. Default 30,000. */
  readonly settleMs: number;
  /** Recoveries in a row without progress before the run is `poisoned`. Default 5. */
  readonly recoveries: number;
}

/** What an agent or a request may say; zero, negative and missing mean the default. `Infinity` switches a guard off. */
export type LimitsInput = { readonly [K in keyof Limits]?: Limits[K] | undefined };
