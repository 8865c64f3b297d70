/** A tenant with thousands of jobs holds up another's single one by no more than what is read ahead, and one round. */
import { expect, test } from "vitest";
import { openSqliteStore } from "@windlass/sqlite";
import { fakeClock, seededRandom } from "@windlass/testkit/fakes";
import { OTHERS_FIRST_MAX, othersFirst } from "./turns-fixture.ts";

test.each([1, 2, 3])(
  "before the job of a new tenant no more begin than lie with the worker, and one of each tenant; seed %i",
  async (seed) => {
    const clock = fakeClock();
    const store = await openSqliteStore({ path: ":memory:", clock });
    const others = await othersFirst({ store, clock, random: seededRandom(seed), until: (done) => clock.until(done, 200_000) });
    await store.close();
    expect(Math.max(...others)).toBeLessThanOrEqual(OTHERS_FIRST_MAX);
    // Else nothing was read ahead, and this says nothing.
    expect(Math.max(...others)).toBeGreaterThan(20);
  },
);
