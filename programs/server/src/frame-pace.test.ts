import { ADMIN } from "@windlass/engine";
import { expect, test } from "vitest";
import { framePace } from "./frame-pace.ts";

const ann = { id: "tok_ann", name: "ann" };

test("who sends faster than it may rests for as long as that takes to fill in; large frames count as several", () => {
  let now = 0;
  const pace = framePace(100, { monotonic: () => now });
  for (let n = 0; n < 200; n++) expect(pace.restMs(ann, 50)).toBe(0);
  expect(pace.restMs(ann, 50)).toBe(10);
  expect(pace.restMs(ann, 3 * 16_384)).toBe(50);
  expect(pace.restMs({ id: "tok_bob", name: "bob" }, 50)).toBe(0);
  now += 60;
  expect(pace.restMs(ann, 50)).toBe(0);
});

test("the admin's workers, and those of a server without the limit, never rest", () => {
  const pace = framePace(1, { monotonic: () => 0 });
  for (let n = 0; n < 10; n++) expect(pace.restMs({ id: ADMIN, name: ADMIN }, 50)).toBe(0);
  const none = framePace(0, { monotonic: () => 0 });
  for (let n = 0; n < 10; n++) expect(none.restMs(ann, 1_000_000)).toBe(0);
});
