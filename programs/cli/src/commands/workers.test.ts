import { expect, test } from "vitest";
import { reportsOf, withinOf } from "./workers.ts";

const at = Date.parse("2026-01-31T12:00:00.000Z");
const expiring = (ms: number) => ({ expiresAt: new Date(at + ms).toISOString() });

test("a session has so long to report, and one that ran out is said to have expired", () => {
  expect([30_000, 1, 0, -1, -86_400_000].map((ms) => withinOf(expiring(ms), at))).toEqual(["30s", "1ms", "expired", "expired", "expired"]);
  expect(reportsOf(expiring(30_000), at)).toBe("within 30s, or what it holds is lost");
  expect(reportsOf(expiring(-1), at)).toMatch(/^not any more: it has expired/u);
});
