import { expect, test } from "vitest";
import { hostToTell, readableHost } from "./worker-connection.ts";

test("where a program runs is told in what a header can carry and a terminal can show", () => {
  expect(hostToTell("büro-3\u009B2J\n", 17)).toBe("bro-32J (process 17)");
  expect(readableHost("\u009B \t")).toBe("");
  expect(readableHost("node-1 (process 5)")).toBe("node-1 (process 5)");
});
