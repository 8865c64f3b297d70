/** The figures of a run as a table, and as JSON. */
import type { Machine } from "./machine.ts";
import type { Row } from "./row.ts";

/** All rounds of one figure of one entrant. */
export interface Series {
  readonly row: string;
  readonly entrant: string;
  readonly figure: string;
  readonly values: readonly number[];
}

export interface Skipped {
  readonly row: string;
  readonly entrant: string;
  readonly why: string;
}

export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function summary(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  const median = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
  return { median, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

export function machineLines(facts: Machine): readonly string[] {
  const width = Math.max(...Object.keys(facts).map((name) => name.length));
  return Object.entries(facts).map(([name, fact]) => `${name.padEnd(width)}  ${fact}`);
}

/** One row: its title, and a line for each entrant and figure, best documented in docs/performance.md. */
export function rowLines(row: Row, series: readonly Series[]): readonly string[] {
  const mine = series.filter((one) => one.row === row.id);
  const lines = Object.entries(row.units).flatMap(([figure, unit]) =>
    mine
      .filter((one) => one.figure === figure)
      .map((one) => {
        const { median, min, max } = summary(one.values);
        return [
          `  ${one.entrant}${figure === "" ? "" : `, ${figure}`}`,
          show(median),
          show(min),
          show(max),
          unit,
          ofCeiling(row, { entrant: one.entrant, figure, median, series: mine }),
        ];
      }),
  );
  const widths = [0, 1, 2, 3, 4, 5].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return [
    row.title,
    ...lines.map((line) =>
      line
        .map((cell, column) =>
          column >= 1 && column <= 3
            ? cell.padStart(Math.max(9, widths[column] ?? 0))
            : cell.padEnd(column === 0 ? Math.max(34, widths[0] ?? 0) : (widths[column] ?? 0)),
        )
        .join(" ")
        .trimEnd(),
    ),
  ];
}

function ofCeiling(
  row: Row,
  {
    entrant,
    figure,
    median,
    series,
  }: { readonly entrant: string; readonly figure: string; readonly median: number; readonly series: readonly Series[] },
): string {
  const name = row.ceilings?.[entrant];
  const ceiling = series.find((one) => one.entrant === name && one.figure === figure);
  if (ceiling === undefined) return "";
  return ` ${Math.round((100 * median) / summary(ceiling.values).median)} % of its ceiling`;
}

function show(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (value >= 100) return Math.round(value).toLocaleString("en-GB");
  return value.toFixed(value < 10 ? 2 : 1);
}
