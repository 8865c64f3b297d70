import fc from "fast-check";
import { expect, test } from "vitest";
import { rateLimit } from "./rate-limit.ts";

const passes = (work: () => unknown): boolean => {
  try {
    work();
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: "rate_limited" });
    return false;
  }
};

test("nobody gets more than the burst and what time has added (L1), and nobody less for what another does (L2)", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.tuple(fc.constantFrom("ann", "bob"), fc.integer({ min: 0, max: 400 }))),
      (rate, asked) => {
        let now = 0;
        const shared = rateLimit(rate, () => now);
        const alone = new Map([
          ["ann", rateLimit(rate, () => now)],
          ["bob", rateLimit(rate, () => now)],
        ]);
        const through = { ann: 0, bob: 0 };
        for (const [who, wait] of asked) {
          now += wait;
          const passed = passes(() => shared.take(who));
          expect(passed).toBe(passes(() => alone.get(who)?.take(who)));
          if (passed) through[who as "ann"]++;
          expect(through[who as "ann"]).toBeLessThanOrEqual(2 * rate + (now / 1000) * rate + 1e-6);
        }
      },
    ),
  );
});

test("who is refused is told when to come back, and gets through then", () => {
  let now = 0;
  const limit = rateLimit(0.5, () => now);
  expect(limit.take("ann")).toEqual({ "ratelimit-limit": "1", "ratelimit-remaining": "0", "ratelimit-reset": "2" });
  expect(() => limit.take("ann")).toThrow(expect.objectContaining({ details: { retryAfterSeconds: 2, limit: 1 } }));
  now += 2_000;
  expect(limit.take("ann")).toMatchObject({ "ratelimit-remaining": "0" });
});

test("zero is no limit, and buckets that are full again are forgotten", () => {
  expect(rateLimit(0, () => 0).take("ann")).toEqual({});
  let now = 0;
  const limit = rateLimit(1, () => now);
  for (let n = 0; n < 5_000; n++) {
    limit.take(`token ${n}`);
    now += 10;
  }
  expect(limit.take("token 4999")).toMatchObject({ "ratelimit-remaining": "0" });
});
