import { expect, test } from "vitest";
import { clockOffset } from "./clock-offset.ts";

/** The database is 1,000 ms ahead; its answers take so long, and what it says is from the end of that. */
async function measured(...tookMs: readonly number[]): Promise<{ offset: number; asked: number }> {
  let now = 50_000;
  let asked = 0;
  const ask = async (): Promise<number> => {
    now += tookMs[Math.min(asked, tookMs.length - 1)] ?? 0;
    asked++;
    return now + 1_000;
  };
  return { offset: await clockOffset(ask, { now: () => now }), asked };
}

test("an answer that comes at once is enough", async () => {
  expect(await measured(2)).toEqual({ offset: 1_001, asked: 1 });
});

test("while one side stood still the answer is worth nothing: the next one counts", async () => {
  expect(await measured(8_000, 4)).toEqual({ offset: 1_002, asked: 2 });
});

test("where all are slow the quickest counts", async () => {
  expect(await measured(900, 300, 600, 700, 800)).toEqual({ offset: 1_150, asked: 5 });
});

test("a clock that is set back meanwhile is asked again", async () => {
  const times = [50_000, 10_000, 10_000, 10_002];
  expect(await clockOffset(async () => 11_001, { now: () => times.shift() ?? 0 })).toBe(1_000);
});
