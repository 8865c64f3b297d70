import { Command, InvalidArgumentError } from "commander";
import { expect, test } from "vitest";
import { fraction, limitFrom, rate } from "./option-values.ts";

test.each([
  ["10/s", { limit: 10, perSeconds: 1 }],
  ["100/30s", { limit: 100, perSeconds: 30 }],
  ["5/m", { limit: 5, perSeconds: 60 }],
  ["1000/2h", { limit: 1_000, perSeconds: 7_200 }],
  ["1/d", { limit: 1, perSeconds: 86_400 }],
  ["none", "none"],
])("the rate %s", (text, wanted) => {
  expect(rate(text)).toEqual(wanted);
});

test.each(["", "10", "0/s", "10/", "10/0s", "-1/s", "1.5/s", "10/w", "1/99d", "9999999/s"])(
  "%j is no rate, and it is said what is one",
  (text) => {
    expect(() => rate(text)).toThrow(InvalidArgumentError);
    expect(() => rate(text)).toThrow(/10\/s, 100\/30s/u);
  },
);

test("a limit is a whole number, or none", () => {
  expect([limitFrom(0)("0"), limitFrom(1)("12"), limitFrom(1)("none")]).toEqual([0, 12, "none"]);
  for (const text of ["-1", "1.5", "many", "", "1000001", "99999999"])
    expect(() => limitFrom(0)(text)).toThrow(/whole number from 0 to 1000000/u);
  expect(limitFrom(0)("1000000")).toBe(1_000_000);
  expect(() => limitFrom(1)("0")).toThrow(InvalidArgumentError);
});

test("a number may have a fraction", () => {
  expect([fraction(1, 100)("1.5"), fraction(0, 1)("0"), fraction(0, 1)("1")]).toEqual([1.5, 0, 1]);
  for (const text of ["", "-1", "1.1", "x", "1e-1", "."]) expect(() => fraction(0, 1)(text)).toThrow(/number from 0 to 1/u);
});

test("none comes through commander as it is", () => {
  const command = new Command().option("--limit <count>", "", limitFrom(0)).option("--rate <rate>", "", rate);
  expect(command.parse(["--limit", "none", "--rate", "none"], { from: "user" }).opts()).toEqual({ limit: "none", rate: "none" });
});
