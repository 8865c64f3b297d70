/**
 * Whether what was measured stays flat. Pure.
 *
 * F1. Only the second half counts: by then caches are filled and as much is removed as comes.
 * F2. What counts is the rise of the line through the second half: the median of the slopes between any two samples, times
 *     its length, so that one sample in the middle of a sweep or of a collection of garbage moves nothing.
 * F3. A measure is flat when that rise is at most `least`, or the `part` of its median: what one more connection, page or
 *     segment takes is no leak.
 */

/** One look at everything, from outside. What a measure does not have is null: SQLite's log, with PostgreSQL. */
export interface Sample {
  /** Milliseconds since the beginning. */
  readonly at: number;
  readonly values: Readonly<Record<MeasureName, number | null>>;
}

const MIB = 1024 ** 2;

interface Measure {
  readonly unit: "MiB" | "";
  readonly least: number;
  readonly part: number;
}

/** What is there at the beginning and comes and goes is passed over; a leak of any rate grows past it with time. */
export const MEASURES = {
  serverMemory: { unit: "MiB", least: 16 * MIB, part: 0.05 },
  serverHeap: { unit: "MiB", least: 16 * MIB, part: 0.1 },
  serverFiles: { unit: "", least: 10, part: 0.05 },
  serverThreads: { unit: "", least: 2, part: 0 },
  supervisorMemory: { unit: "MiB", least: 8 * MIB, part: 0.05 },
  supervisorFiles: { unit: "", least: 10, part: 0.05 },
  database: { unit: "MiB", least: 8 * MIB, part: 0.1 },
  // It is moved into the database every 64 MiB, and begins anew at its start: it is as large as it ever was.
  writeAheadLog: { unit: "MiB", least: 32 * MIB, part: 0.1 },
  logs: { unit: "MiB", least: 4 * MIB, part: 0.1 },
} as const satisfies Record<string, Measure>;

export type MeasureName = keyof typeof MEASURES;

export interface Verdict {
  readonly name: MeasureName;
  readonly unit: Measure["unit"];
  readonly first: number;
  readonly median: number;
  readonly last: number;
  /** Over the second half. */
  readonly rise: number;
  readonly bound: number;
  readonly flat: boolean;
}

/** Below this no line can be told from noise. */
const SAMPLES_MIN = 6;

/** Of the measures that were there in all samples of the second half. Throws when there are too few. */
export function verdictsOf(samples: readonly Sample[]): Verdict[] {
  const middle = ((samples.at(0)?.at ?? 0) + (samples.at(-1)?.at ?? 0)) / 2;
  const half = samples.filter(({ at }) => at >= middle);
  if (half.length < SAMPLES_MIN)
    throw new Error(`the second half has ${half.length} samples; ${SAMPLES_MIN} are needed: let it run for longer`);
  return (Object.keys(MEASURES) as MeasureName[]).flatMap((name) => {
    const points = half.flatMap(({ at, values }) => (values[name] === null ? [] : [{ at, value: values[name] }]));
    return points.length === half.length ? [verdictOf(name, points)] : [];
  });
}

interface Point {
  readonly at: number;
  readonly value: number;
}

function verdictOf(name: MeasureName, points: readonly Point[]): Verdict {
  const { unit, least, part }: Measure = MEASURES[name];
  const values = points.map(({ value }) => value);
  const median = medianOf(values);
  const rise = slopeOf(points) * ((points.at(-1)?.at ?? 0) - (points.at(0)?.at ?? 0));
  const bound = Math.max(least, part * median);
  return { name, unit, first: values.at(0) ?? 0, median, last: values.at(-1) ?? 0, rise, bound, flat: rise <= bound };
}

/** See F2 (the estimator of Theil and Sen). */
function slopeOf(points: readonly Point[]): number {
  return medianOf(
    points.flatMap((from, index) =>
      points.slice(index + 1).flatMap((to) => (to.at > from.at ? [(to.value - from.value) / (to.at - from.at)] : [])),
    ),
  );
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** As a table for people. */
export function tableOf(verdicts: readonly Verdict[]): string {
  const shown = (value: number, unit: Measure["unit"]): string => (unit === "MiB" ? `${(value / MIB).toFixed(1)} MiB` : value.toFixed(1));
  const rows = verdicts.map(({ name, unit, first, median, last, rise, bound, flat }) => [
    name,
    ...[first, median, last, rise, bound].map((value) => shown(value, unit)),
    flat ? "flat" : "NOT FLAT",
  ]);
  const table = [["second half", "first", "median", "last", "rise", "allowed", ""], ...rows];
  const widths = table.reduce<readonly number[]>((most, row) => row.map((cell, i) => Math.max(most[i] ?? 0, cell.length)), []);
  return table
    .map((row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  "))
    .join("\n");
}
