/** The core under faults, from seeds. A failing seed is added to `KEPT`, with what it found, and stays. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { MUTANTS } from "./mutants.ts";
import { runScenario } from "./scenario.ts";

/** Seeds that once failed. What a seed does changes with the scenario, so each also has a test or a mutant of its own. */
const KEPT: readonly { readonly seed: number; readonly found: string }[] = [
  { seed: 3, found: "a claim whose reply was lost stayed held for ever (mutant: claim reply lost)" },
  { seed: 1, found: "a process that woke up after its session was closed claimed jobs that nobody took from it (store contract)" },
  { seed: 117, found: "the same, with a session closed between two claims" },
];

/** More with `npm run simulate -- FIRST COUNT`. */
const SEEDS = process.env["CI"] === "true" ? 100 : 25;
const CHUNK = 5;

test.each(KEPT)("seed $seed, which found: $found", async ({ seed }) => {
  expect((await runScenario(seed)).jobs).toBeGreaterThan(12);
});

test.each(Array.from({ length: SEEDS / CHUNK }, (_, i) => 1_000 + i * CHUNK))(
  `everything holds under faults, seeds from %i`,
  async (first) => {
    let jobs = 0;
    for (let seed = first; seed < first + CHUNK; seed++) jobs += (await runScenario(seed)).jobs;
    expect(jobs).toBeGreaterThan(CHUNK * 12);
  },
);

test("every mutant's text occurs exactly once in the code that it is planted in", () => {
  for (const { name, edits } of MUTANTS) {
    for (const { file, from } of edits) expect(readFileSync(file, "utf8").split(from).length - 1, `${name}: ${from}`).toBe(1);
  }
});

test("the same seed gives the same run", async () => {
  expect(await runScenario(7)).toEqual(await runScenario(7));
});
