import { expect, test } from "vitest";
import { requestIdOf } from "./request-id.ts";

const make = (): string => "req_made";

test.each(["abc", "0af7651916cd43dd8448eb211c80319c", "trace:1.2_3-4", "a".repeat(128)])("%s of the caller is kept", (id) => {
  expect(requestIdOf(id, make)).toBe(id);
});

test.each([undefined, "", " ", "a b", "a\nb", "ä", "-x", '"', "a".repeat(129)])("%j is no id, and one is made", (id) => {
  expect(requestIdOf(id, make)).toBe("req_made");
});
