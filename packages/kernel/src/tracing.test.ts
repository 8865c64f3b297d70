import { expect, test } from "vitest";
import { readTraceparent } from "./tracing.ts";

test("what is written as the standard says is a traceparent; anything else is none", () => {
  const good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  expect(readTraceparent(good)).toBe(good);
  for (const bad of [
    undefined,
    null,
    "",
    good.toUpperCase(),
    `${good}-more`,
    good.replace("00-", "ff-"),
    "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
  ])
    expect(readTraceparent(bad)).toBeNull();
});
