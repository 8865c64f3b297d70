import { expect, test } from "vitest";
import { skewOf } from "./skew.ts";

test("a clock that was read between question and answer is the same, however long that took", () => {
  expect(skewOf({ askedAt: 10_000, answeredAt: 10_020, theirs: 10_005 }, "the server's")).toEqual({
    found: "the same as the server's but for 15ms at most",
  });
  expect(skewOf({ askedAt: 10_000, answeredAt: 14_000, theirs: 13_900 }, "the server's").status).toBeUndefined();
});

test("what lies outside of both is a difference, with its direction", () => {
  const asked = { askedAt: 10_000, answeredAt: 10_020 };
  expect(skewOf({ ...asked, theirs: 15_020 }, "the server's")).toMatchObject({ status: "warning", found: "5s behind the server's" });
  expect(skewOf({ ...asked, theirs: 7_000 }, "the server's")).toMatchObject({ status: "warning", found: "3s ahead of the server's" });
});
