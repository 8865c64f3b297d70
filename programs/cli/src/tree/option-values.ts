/** Readers of option values, for commander: each says what is allowed when a value is not. */
import {
  CONCURRENCY_LIMIT_MAX,
  formatDuration,
  isLegalPriority,
  parseDuration,
  PRIORITY_MAX,
  RATE_LIMIT_MAX,
  RATE_SECONDS_MAX,
  type RateLimit,
} from "@windlass/kernel";
import { InvalidArgumentError } from "commander";

/** `-i name=value`, any number of times. The value stays text here; what it becomes is decided by the type of the input. */
export function pair(text: string, before: readonly (readonly [string, string])[] = []): readonly (readonly [string, string])[] {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("it is written name=value.");
  return [...before, [text.slice(0, at), text.slice(at + 1)]];
}

export function several(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...text.split(",").filter((part) => part !== "")];
}

/** A text that may hold commas; again for more. */
export function oneMore(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** A whole number from `min` to `max`. */
export function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^-?\d+$/u.test(text) || value < min || value > max)
      throw new InvalidArgumentError(`it must be a whole number from ${min} to ${max}.`);
    return value;
  };
}

/** A number from `min` to `max`. */
export function fraction(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+(\.\d+)?$/u.test(text) || value < min || value > max)
      throw new InvalidArgumentError(`it must be a number from ${min} to ${max}.`);
    return value;
  };
}

export function priority(text: string): number {
  const value = Number(text);
  if (text === "" || !isLegalPriority(value))
    throw new InvalidArgumentError(`it must be a whole number from -${PRIORITY_MAX} to ${PRIORITY_MAX}; higher is sooner.`);
  return value;
}

/** What takes a limit away. A word, because commander makes an empty text of a reader's null. */
type None = "none";

export const orNull = <T>(value: T | None): T | null => (value === "none" ? null : value);

/** `10/s`, `100/30s`, `5/m`, or `none`. */
export function rate(text: string): RateLimit | None {
  if (text === "none") return text;
  const [, count = "", of = "", unit = ""] = /^(\d{1,7})\/(\d{0,7})([smhd])$/u.exec(text) ?? [];
  const limit = Number(count);
  const perSeconds = (of === "" ? 1 : Number(of)) * (UNITS[unit] ?? 0);
  if (limit < 1 || limit > RATE_LIMIT_MAX || perSeconds < 1 || perSeconds > RATE_SECONDS_MAX)
    throw new InvalidArgumentError(
      `it must be a rate such as 10/s, 100/30s, 5/m or 1000/d, of at most ${RATE_LIMIT_MAX} in at most ${RATE_SECONDS_MAX / DAY_SECONDS} days, or \`none\`.`,
    );
  return { limit, perSeconds };
}

const DAY_SECONDS = 86_400;
const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: DAY_SECONDS };

/** How many of a queue may run at once: a whole number from `min`, or `none`. */
export function limitFrom(min: number): (text: string) => number | None {
  return (text) => {
    if (text === "none") return text;
    if (!/^\d{1,7}$/u.test(text) || Number(text) < min || Number(text) > CONCURRENCY_LIMIT_MAX)
      throw new InvalidArgumentError(`it must be a whole number from ${min} to ${CONCURRENCY_LIMIT_MAX}, or \`none\`.`);
    return Number(text);
  };
}

export function onOff(text: string): boolean {
  if (text !== "on" && text !== "off") throw new InvalidArgumentError("it must be on or off.");
  return text === "on";
}

/** Milliseconds. */
export function duration(text: string): number {
  const value = parseDuration(text);
  if (value === undefined)
    throw new InvalidArgumentError(`it must be a duration such as 90, ${formatDuration(90_000).replace(" ", "")} or 250ms.`);
  return value;
}

/** A time, as text that the API takes. */
export function time(text: string): string {
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw new InvalidArgumentError("it must be a time such as 2026-01-31T08:00:00Z.");
  return new Date(at).toISOString();
}

export function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InvalidArgumentError(`it must be JSON: ${error instanceof Error ? error.message : String(error)}.`);
  }
}
