/**
 * When a schedule fires, as it is stored: a plain record, JSON without a loss. Which instants it means is decided in
 * `modules/schedules`, by the functions of `FireTimes`; whoever stores or dispatches knows no more than these two.
 */

/** Instants are milliseconds since 1970, durations milliseconds. Either `cron` holds something, or `everyMs` is set. */
export interface Timing {
  /** Expressions of 5 fields, or 6 with seconds first. It fires when any of them does, once where they meet. */
  readonly cron: readonly string[];
  /** The k-th fire is at `anchor + k × everyMs`, for whole k, whatever the zone: exact for 25 and for 90 minutes. */
  readonly everyMs: number | null;
  readonly anchor: number;
  /** An IANA name: what `cron` and `exclude` are read in. */
  readonly timezone: string;
  /** How much later than its nominal time a fire may start. The same schedule and time always get the same delay. */
  readonly jitterMs: number;
  /** The first instant at which it may fire, and the first at which it may not any more. */
  readonly startsAt: number | null;
  readonly endsAt: number | null;
  /** Dates of the zone (`2026-12-25`), and expressions: a time that one of them matches is left out. */
  readonly exclude: readonly string[];
}

/** Instants between two, `after` itself not among them, `until` among them. */
export interface FireSpan {
  readonly after: number;
  readonly until: number;
}

/** What the dispatcher asks of timings. All times are nominal: without the delay of `jitterMs`. */
export interface FireTimes {
  /** The first instant after this one, or null: it never fires again. */
  nextFire(timing: Timing, after: number): number | null;
  /** The first `limit` in order; cut: there are more in the span. */
  firesBetween(
    timing: Timing,
    asked: FireSpan & { readonly limit: number },
  ): { readonly times: readonly number[]; readonly isCut: boolean };
  /** How many there are, without listing them: cheap for each second of a month, too. */
  countFires(timing: Timing, span: FireSpan): number;
  /** From 0 to `jitterMs`; `key` is what tells the schedule from others. */
  delayOf(timing: Timing, key: string, nominal: number): number;
}
