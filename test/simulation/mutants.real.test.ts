/** Each known way to break the core is planted, and caught: a simulation that cannot fail would prove nothing. */
import { expect, test } from "vitest";
import { catchMutants } from "./catch-mutants.ts";
import { MUTANTS } from "./mutants.ts";

const SEEDS = 80;

test.each(MUTANTS)("is caught: $name ($story)", { timeout: 600_000 }, async (mutant) => {
  const [caught] = await catchMutants([mutant], SEEDS);
  expect(caught?.by).toMatch(/^seed \d+ failed/u);
});
