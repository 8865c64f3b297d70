import { expect, test } from "vitest";
import { rowLines, summary } from "./report.ts";
import type { Row } from "./row.ts";

test("the median of an even number of rounds lies between the two in the middle", () => {
  expect(summary([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4 });
  expect(summary([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
});

test("a line tells the median, the lowest, the highest, and the share of the ceiling of the same run", () => {
  const row: Row = { id: "enqueue", title: "enqueue", units: { "": "jobs/s" }, entrants: [], ceilings: { windlass: "flushes" } };
  const series = [
    { row: "enqueue", entrant: "flushes", figure: "", values: [4_000, 5_000, 6_000] },
    { row: "enqueue", entrant: "windlass", figure: "", values: [4_000, 4_500, 3_000] },
    { row: "another", entrant: "windlass", figure: "", values: [1] },
  ];
  const [title, flushes, windlass, ...rest] = rowLines(row, series);
  expect(title).toBe("enqueue");
  expect(flushes?.split(/\s{2,}/u)).toEqual(["", "flushes", "5,000", "4,000", "6,000 jobs/s"]);
  expect(windlass?.split(/\s{2,}/u)).toEqual(["", "windlass", "4,000", "3,000", "4,500 jobs/s", "80 % of its ceiling"]);
  expect(rest).toEqual([]);
});
