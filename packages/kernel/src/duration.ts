/** Durations as people write them (`1h30m`, `250ms`, or a number of seconds) and as code holds them: a branded number of milliseconds. */
export type Duration = number & { readonly __unit: "ms" };

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

export const ms = (value: number): Duration => value as Duration;
export const seconds = (value: number): Duration => (value * UNITS.s) as Duration;
export const minutes = (value: number): Duration => (value * UNITS.m) as Duration;
export const days = (value: number): Duration => (value * UNITS.d) as Duration;

/** The longest delay that is stored: what is further away than a century never comes. */
const DELAY_MAX: Duration = days(36_500);

/** A delay as it can be stored: whole milliseconds, not negative, a century at most. What is no number is a second. */
export function storableDelay(value: number): Duration {
  const delay = Math.round(Math.min(DELAY_MAX, Math.max(0, value)));
  return Number.isNaN(delay) ? seconds(1) : ms(delay);
}

/** Reads `90`, `"90"` (seconds), `"1h30m"`, `"250ms"`, as whole milliseconds. Undefined when it is not a duration; never negative. */
export function parseDuration(value: string | number): Duration | undefined {
  if (typeof value === "number") return Number.isFinite(value) && value >= 0 ? wholeSeconds(value) : undefined;
  const text = value.trim();
  if (/^\d+(\.\d+)?$/u.test(text)) return wholeSeconds(Number(text));
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/u.test(text)) return undefined;
  let total = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/gu))
    total += Number(number) * UNITS[unit as keyof typeof UNITS];
  return ms(Math.round(total));
}

/** A time that somebody gave in seconds. Stores keep whole milliseconds: 32.2 seconds are not 32200.000000000004 of them. */
export function wholeSeconds(value: number): Duration {
  return ms(Math.round(seconds(value)));
}

/** `1d 2h`, `1m 30s`, `1.5s`, `12ms`: two units at most, for people. */
export function formatDuration(value: number): string {
  if (value < UNITS.s) return `${Math.round(value)}ms`;
  if (value < 10 * UNITS.s) return `${Math.round(value / 100) / 10}s`;
  const parts: string[] = [];
  let rest = Math.round(value / UNITS.s) * UNITS.s;
  for (const unit of ["d", "h", "m", "s"] as const) {
    const count = Math.floor(rest / UNITS[unit]);
    rest -= count * UNITS[unit];
    if (count > 0) parts.push(`${count}${unit}`);
    if (parts.length === 2) break;
  }
  return parts.join(" ");
}
