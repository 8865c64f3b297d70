/** How often things happen a second, over the last seconds: counted in buckets, so that memory does not grow with the load. Pure. */

/** Long enough that a figure can be read, short enough that it is about now. */
export const WINDOW_SECONDS = 10;

export interface Rates {
  count(what: string, at: number): void;
  /** A second, over the window or, at first, over the time since it began. */
  rate(what: string, at: number): number;
}

export function ratesSince(begun: number): Rates {
  const buckets = new Map<number, Map<string, number>>();
  return {
    count(what, at) {
      const second = Math.floor(at / 1000);
      let bucket = buckets.get(second);
      if (bucket === undefined) {
        buckets.set(second, (bucket = new Map()));
        for (const old of buckets.keys()) if (old < second - WINDOW_SECONDS) buckets.delete(old);
      }
      bucket.set(what, (bucket.get(what) ?? 0) + 1);
    },
    rate(what, at) {
      const first = Math.floor(at / 1000) - WINDOW_SECONDS;
      let total = 0;
      for (const [second, bucket] of buckets) if (second > first) total += bucket.get(what) ?? 0;
      return total / Math.min(WINDOW_SECONDS, Math.max(1, (at - begun) / 1000));
    },
  };
}
