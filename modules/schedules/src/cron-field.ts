/**
 * One field of a cron expression: `*`, values, names, ranges, steps and lists, and what only days know: `L`, `L-3`,
 * `friL`, `fri#2`. Every fault of the field is told, each with the character where it is; a value that could be meant in
 * two ways is refused instead of guessed.
 */
import { didYouMean } from "@windlass/kernel";

export interface CronFault {
  /** Which field, in words; undefined: the expression as a whole. */
  readonly field: string | undefined;
  /** Offset in the expression, from 0. */
  readonly at: number;
  readonly message: string;
}

/** A field of an expression, and the offset of it there. */
export interface WrittenField {
  readonly text: string;
  readonly at: number;
}

export interface FieldRange {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Short names, the first stands for `min`. */
  readonly names: readonly string[];
}

export const FIELDS = {
  second: { name: "second", min: 0, max: 59, names: [] },
  minute: { name: "minute", min: 0, max: 59, names: [] },
  hour: { name: "hour", min: 0, max: 23, names: [] },
  day: { name: "day of month", min: 1, max: 31, names: [] },
  month: { name: "month", min: 1, max: 12, names: "jan feb mar apr may jun jul aug sep oct nov dec".split(" ") },
  // 7 is Sunday, too, as in every cron; it is 0 once it has been read.
  weekday: { name: "day of week", min: 0, max: 7, names: "sun mon tue wed thu fri sat".split(" ") },
} as const satisfies Record<string, FieldRange>;

export interface FieldValues {
  /** In order, each once. */
  readonly values: readonly number[];
  /** It was `*` or `?`: it chooses nothing. A star with a step chooses. */
  readonly isAny: boolean;
  /** Days: `L` is 0, `L-3` is 3. */
  readonly beforeLast: readonly number[];
  /** Days of the week: `fri#2` is [5, 2]; `friL` is [5, 0]. */
  readonly nth: readonly (readonly [weekday: number, nth: number])[];
}

/** Reads one field; `faults` gets what is wrong with it. */
export function readField(range: FieldRange, written: WrittenField, faults: CronFault[]): FieldValues {
  const found: Found = { range, values: new Set(), beforeLast: new Set(), nth: new Map(), faults, isAny: false };
  let offset = written.at;
  for (const item of written.text.split(",")) {
    readItem(found, item, offset);
    offset += item.length + 1;
  }
  const values = new Set(range.max === FIELDS.weekday.max ? [...found.values].map((day) => day % WEEK) : found.values);
  return {
    values: [...values].toSorted((a, b) => a - b),
    isAny: found.isAny,
    beforeLast: [...found.beforeLast],
    nth: [...found.nth.values()],
  };
}

interface Found {
  readonly range: FieldRange;
  readonly values: Set<number>;
  readonly beforeLast: Set<number>;
  readonly nth: Map<string, readonly [number, number]>;
  readonly faults: CronFault[];
  isAny: boolean;
}

const WEEK = 7;
/** A month has five Mondays at most. */
const NTH_MAX = 5;

function readItem(found: Found, written: string, at: number): void {
  const item = written.toLowerCase();
  if (item === "") return fault(found, at, `expected ${allowed(found.range)}, found nothing`);
  if (found.range.name === FIELDS.day.name && item.startsWith("l")) return readLast(found, written, at);
  if (found.range.name === FIELDS.weekday.name && /#|^[^/-]*l$/u.test(item)) return readNth(found, written, at);
  const parts = /^(\*|\?|[a-z0-9]+)(?:-([a-z0-9]+))?(?:\/(.*))?$/iu.exec(written);
  const [, from = "", to, step] = parts ?? [];
  if (parts === null)
    return fault(found, at, `"${written}" is not understood; allowed are ${allowed(found.range)}, a-b, */n, a-b/n, and lists of them`);
  const isStar = from === "*" || from === "?";
  if (from === "?" && !isDays(found.range)) return fault(found, at, `"?" is for days of the month and of the week; write *`);
  if (isStar && to !== undefined) return fault(found, at, `"${from}-${to}" is no range; write * or a-b`);
  const first = isStar ? found.range.min : readValue(found, from, at);
  const last = to === undefined ? first : readEnd(found, to, at + from.length + 1);
  const stepAt = at + item.length - (step?.length ?? 0);
  const by = step === undefined ? 1 : readStep(found, step, stepAt);
  if (first === undefined || last === undefined || by === undefined) return;
  const end = isStar || (to === undefined && step !== undefined) ? lastOf(found.range) : last;
  if (end < first) return fault(found, at, backwards(found.range, from, to ?? String(end)));
  if (by > 1 && by > end - first)
    return fault(
      found,
      stepAt,
      `a step of ${by} never takes a second step from ${first} to ${end}: it would mean ${from === "*" ? first : from} alone; ${stepAdvice(found.range, by)}`,
    );
  if (isStar && by === 1) found.isAny = true;
  for (let value = first; value <= end; value += by) found.values.add(value);
}

/** `L`: the last day of the month; `L-3`: three days before it. */
function readLast(found: Found, item: string, at: number): void {
  const [, before] = /^l(?:-(\d{1,2}))?$/iu.exec(item) ?? [];
  const days = Number(before ?? 0);
  if (!/^l(-\d{1,2})?$/iu.test(item))
    return fault(found, at, `"${item}" is not understood; write L for the last day of the month, L-3 for three days before it`);
  if (days > DAYS_BEFORE_LAST_MAX)
    return fault(found, at + 2, `${days} days before the last one is in no month; allowed is 0 to ${DAYS_BEFORE_LAST_MAX}`);
  found.beforeLast.add(days);
}

const DAYS_BEFORE_LAST_MAX = 30;

/** `fri#2`: the second Friday; `friL`: the last one. */
function readNth(found: Found, item: string, at: number): void {
  const [, name = "", nth] = /^([a-z0-9]*?)(?:#(.*)|l)$/iu.exec(item) ?? [];
  if (name === "")
    return fault(found, at, `"${item}" does not say which day of the week; write friL for the last Friday, fri#2 for the second one`);
  const weekday = readValue(found, name, at);
  if (nth !== undefined && !/^[1-5]$/u.test(nth))
    return fault(
      found,
      at + name.length + 1,
      `"${nth}" is not which of the month; allowed is 1 to ${NTH_MAX}${nth.toLowerCase() === "l" ? `; the last one is ${name}L` : ""}`,
    );
  if (weekday === undefined) return;
  const key = [weekday % WEEK, Number(nth ?? 0)] as const;
  found.nth.set(key.join("#"), key);
}

function readValue(found: Found, text: string, at: number): number | undefined {
  const { range } = found;
  if (/^\d+$/u.test(text)) {
    const value = Number(text);
    if (value >= range.min && value <= range.max) return value;
    fault(found, at, `${text} is outside of ${range.min} to ${range.max}`);
    return undefined;
  }
  const name = text.toLowerCase();
  const index = range.names.indexOf(name);
  if (index >= 0) return range.min + index;
  const longer = range.names.filter((each) => name.startsWith(each));
  const offered = longer.length > 0 ? `; did you mean "${longer[0]}"?` : didYouMean(name, range.names);
  fault(found, at, `"${text}" is not ${allowed(range)}${offered}`);
  return undefined;
}

/** "sat-sun" ends with the Sunday after that Saturday. */
function readEnd(found: Found, text: string, at: number): number | undefined {
  return found.range.max === WEEK && text.toLowerCase() === found.range.names[0] ? WEEK : readValue(found, text, at);
}

function readStep(found: Found, text: string, at: number): number | undefined {
  if (/^\d{1,4}$/u.test(text) && Number(text) > 0) return Number(text);
  fault(found, at, `a step is a whole number from 1, found "${text}"`);
  return undefined;
}

function lastOf(range: FieldRange): number {
  return range.max === WEEK ? WEEK - 1 : range.max;
}

function isDays(range: FieldRange): boolean {
  return range.name === FIELDS.day.name || range.name === FIELDS.weekday.name;
}

function allowed(range: FieldRange): string {
  const numbers = `a number from ${range.min} to ${range.max}`;
  return range.names.length === 0 ? numbers : `${numbers} or ${range.names[0]} to ${range.names.at(-1)}`;
}

function backwards(range: FieldRange, from: string, to: string): string {
  const [first, last] = range.names.length > 0 ? [range.names[0], range.names.at(-1)] : [range.min, range.max];
  return `${from}-${to} goes backwards; write ${from}-${last},${first}-${to}`;
}

function stepAdvice(range: FieldRange, by: number): string {
  const unit = { second: "s", minute: "m", hour: "h" }[range.name];
  return unit === undefined ? "write that" : `write that, or "every: ${by}${unit}" for an interval`;
}

function fault(found: Found, at: number, message: string): void {
  found.faults.push({ field: found.range.name, at, message });
}
