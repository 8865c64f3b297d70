/** The options that say when, as the API takes them; what they mean is read there. */
export interface TimingOptions {
  readonly cron?: readonly string[];
  readonly every?: string;
  readonly timezone?: string;
  readonly jitter?: string;
  readonly starts?: string;
  readonly ends?: string;
  readonly anchor?: string;
  readonly exclude?: readonly string[];
}

export function writtenTiming({ cron, every, timezone, jitter, starts, ends, anchor, exclude }: TimingOptions): TimingOptions {
  const given = { cron, every, timezone, jitter, starts, ends, anchor, exclude };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
