/**
 * Cron expressions: 5 fields (minute, hour, day of month, month, day of week), or 6 with seconds first, or a name such
 * as `@daily`. An expression that can never fire is refused like one that cannot be read.
 *
 * C1. Where day of month and day of week both choose, a day needs only one of them, as in every cron. `*`, `?` and a star
 *     with a step of 1 choose nothing.
 * C2. An expression is daily when it names one hour, and hourly otherwise: what a change of the clocks does to it
 *     follows from that alone (zone.ts).
 */
import { didYouMean } from "@windlass/kernel";
import { FIELDS, readField, type CronFault, type FieldRange, type FieldValues, type WrittenField } from "./cron-field.ts";

export type { CronFault } from "./cron-field.ts";

/** A set of small numbers that answers what a search asks, each in one step. */
export interface NumberSet {
  /** In order. */
  readonly values: readonly number[];
  /** `rank[n]`: how many of the values are below n. */
  readonly rank: Uint8Array;
}

export interface Cron {
  readonly seconds: NumberSet;
  readonly minutes: NumberSet;
  readonly hours: NumberSet;
  readonly months: NumberSet;
  readonly days: FieldValues & NumberSet;
  readonly weekdays: FieldValues & NumberSet;
  /** C2. */
  readonly isDaily: boolean;
  /** It has 6 fields. In `exclude`, one of 5 stands for its whole minutes. */
  readonly hasSeconds: boolean;
}

/** Far more than any that can be read by a person; and the work for one is bounded. */
export const CRON_LENGTH_MAX = 400;

export function parseCron(text: string): { readonly cron: Cron } | { readonly faults: readonly CronFault[] } {
  if (text.length > CRON_LENGTH_MAX) return whole(`it has ${text.length} characters; at most ${CRON_LENGTH_MAX} are read`);
  const start = text.search(/\S/u);
  if (start < 0) return whole("it is empty; write 5 fields (minute hour day month weekday), 6 with seconds first, or @daily");
  if (text[start] === "@") return parseName(text.trim(), start);
  const zone = /^(?:CRON_)?TZ=(\S*)/u.exec(text.trim());
  if (zone !== null) return whole(`the zone has a place of its own; write "timezone: ${zone[1]}"`, start);
  const fields = [...text.matchAll(/\S+/gu)].map((match) => ({ text: match[0], at: match.index }));
  if (fields.length !== 5 && fields.length !== 6) {
    const quartz = fields.length === 7 ? "; a year has no field here: use starts and ends" : "";
    return whole(
      `it has ${fields.length} field${fields.length === 1 ? "" : "s"}; expected are 5 (minute hour day month weekday), or 6 with seconds first${quartz}`,
      fields.at(6)?.at ?? start,
    );
  }
  return compose(fields);
}

/** `hour (character 5): …`, as it is shown; characters are counted from 1. */
export function faultText(fault: CronFault): string {
  return `${fault.field ?? "expression"} (character ${fault.at + 1}): ${fault.message}`;
}

const NAMED: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

function parseName(text: string, at: number): ReturnType<typeof parseCron> {
  const expression = NAMED[text.toLowerCase()];
  if (expression !== undefined) return parseCron(expression);
  const [word = text, rest] = text.split(/\s+/u, 2);
  if (word === "@reboot") return whole("@reboot is no time; what runs at a start belongs to the service manager of the machine", at);
  if (word === "@every") return whole(`an interval has a field of its own; write "every: ${rest ?? "20m"}"`, at);
  return whole(
    `"${text}" is no name of a schedule; allowed are ${Object.keys(NAMED).join(", ")}${didYouMean(text, Object.keys(NAMED))}`,
    at,
  );
}

function compose(fields: readonly WrittenField[]): ReturnType<typeof parseCron> {
  const faults: CronFault[] = [];
  const hasSeconds = fields.length === 6;
  const read = (range: FieldRange, index: number): FieldValues => {
    const field = fields[hasSeconds ? index : index - 1];
    return field === undefined ? ONLY_ZERO : readField(range, field, faults);
  };
  const [seconds, minutes, hours] = [read(FIELDS.second, 0), read(FIELDS.minute, 1), read(FIELDS.hour, 2)];
  const [days, months, weekdays] = [read(FIELDS.day, 3), read(FIELDS.month, 4), read(FIELDS.weekday, 5)];
  if (faults.length === 0 && !everFires(days, months, weekdays))
    faults.push({ field: FIELDS.day.name, at: fields.at(-3)?.at ?? 0, message: neverText(fields.at(-3)?.text, fields.at(-2)?.text) });
  if (faults.length > 0) return { faults };
  return {
    cron: {
      seconds: numberSet(seconds.values, FIELDS.second),
      minutes: numberSet(minutes.values, FIELDS.minute),
      hours: numberSet(hours.values, FIELDS.hour),
      months: numberSet(months.values, FIELDS.month),
      days: { ...days, ...numberSet(days.values, FIELDS.day) },
      weekdays: { ...weekdays, ...numberSet(weekdays.values, FIELDS.weekday) },
      isDaily: hours.values.length === 1,
      hasSeconds,
    },
  };
}

const ONLY_ZERO: FieldValues = { values: [0], isAny: false, beforeLast: [], nth: [] };

function numberSet(values: readonly number[], range: FieldRange): NumberSet {
  const rank = new Uint8Array(range.max + 2);
  let below = 0;
  for (let n = 0; n < rank.length; n++) {
    rank[n] = below;
    if (values[below] === n) below++;
  }
  return { values, rank };
}

/** A day of the week comes in every month, the fifth one, too; a day of the month may be in none of those chosen. */
function everFires(days: FieldValues, months: FieldValues, weekdays: FieldValues): boolean {
  if (days.isAny || !weekdays.isAny) return true;
  return months.values.some((month) => {
    const last = LONGEST[month - 1] ?? 0;
    return days.values.some((day) => day <= last) || days.beforeLast.some((before) => before < last);
  });
}

const LONGEST = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function neverText(day = "", month = ""): string {
  return `it never fires: day ${day} is in none of the months ${month}`;
}

function whole(message: string, at = 0): { readonly faults: readonly CronFault[] } {
  return { faults: [{ field: undefined, at, message }] };
}
