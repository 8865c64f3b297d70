/** Contract: whatever happens in whatever order, the store comes to what the kernel alone comes to. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Subject } from "./store-subject.ts";
import { storeWalk, walkStore } from "./store-walk.ts";

/** Each walk continues on the store of the one before; a fixed seed, so that all stores walk the same way. */
const RUNS = 40;
const SEED = 20_260_101;

export function describeWalks(subject: Subject): void {
  test("random walks come to what the kernel alone comes to, with events numbered without gaps", async () => {
    let walked = 0;
    await fc.assert(
      fc.asyncProperty(storeWalk, async (walk) => {
        await clear(subject);
        walked += (await walkStore(subject.store, walk)).length;
      }),
      { numRuns: RUNS, seed: SEED },
    );
    expect(walked).toBeGreaterThan(RUNS);
  });
}

/** Takes what a walk left behind out of the way of the next one's claims. */
async function clear({ store }: Subject): Promise<void> {
  for (const executor of ["handler", "none", "kubernetes"] as const) {
    while ((await store.jobs.claim({ executor, session: "ses_2", place: null, limit: 500, now: 0 })).jobs.length > 0);
  }
}
