/** How long the command line takes to start: reported, for a busy machine is slow; only what is absurd fails. */
import { afterEach, expect, test } from "vitest";
import { stranger, type Stranger } from "./stranger.ts";

const ROUNDS = 5;
const ABSURD_MS = 15_000;
let me: Stranger;
afterEach(() => me.leave());

test("commands start at once", async () => {
  me = stranger();
  await me.server();
  for (const args of [["--version"], ["jobs", "list"]]) {
    const took: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const begun = performance.now();
      expect((await me.windlass(...args)).code).toBe(0);
      took.push(performance.now() - begun);
    }
    const median = took.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0;
    process.stdout.write(`windlass ${args.join(" ")}: ${Math.round(median)} ms (median of ${ROUNDS})\n`);
    expect(median).toBeLessThan(ABSURD_MS);
  }
});
