/** Each known way to break the core is planted, and caught: a simulation that cannot fail would prove nothing. */
import { expect, test } from "vitest";
import { catchMutants } from "./catch-mutants.ts";
import { MUTANTS } from "./mutants.ts";

/** Most are caught by one of the first ten. One that starves a key needs many jobs of another at the right moment: some hundred. */
const SEEDS = 500;

test.each(MUTANTS)("is caught: $name ($story)", { timeout: 600_000 }, async (mutant) => {
  const [caught] = await catchMutants([mutant], SEEDS);
  expect(caught?.by).toMatch(/^seed \d+ failed/u);
});
