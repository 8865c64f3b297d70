import { expect, test } from "vitest";
import { fakeClock } from "@windlass/testkit";
import { RequestPace } from "./request-pace.ts";

test("a burst goes at once, then each waits for its turn; an idle client has its burst again", async () => {
  const clock = fakeClock();
  const pace = new RequestPace({ perSecond: 10, burst: 3 }, clock);
  expect([1, 2, 3, 4, 5].map(() => pace.take())).toEqual([0, 0, 0, 100, 200]);
  await clock.advance(10_000);
  expect([1, 2, 3, 4].map(() => pace.take())).toEqual([0, 0, 0, 100]);
});

test("who is asked to wait sends nothing meanwhile, and no burst after it", () => {
  const pace = new RequestPace({ perSecond: 10, burst: 3 }, fakeClock());
  pace.hold(2_000);
  pace.hold(1_000);
  expect([1, 2, 3].map(() => pace.take())).toEqual([2_000, 2_100, 2_200]);
});
