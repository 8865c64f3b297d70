import { describe, expect, test } from "vitest";
import { errorCodes, ERRORS, hasCode, isWindlassError, messageOf, WindlassError } from "./error.ts";
import { EVENTS, eventTypes } from "./event.ts";
import { failureOutcomes, OUTCOMES, outcomes } from "./outcome.ts";
import { REASONS, reasons } from "./reason.ts";

describe("the tables of codes", () => {
  test("every code is lower-case words and has a meaning", () => {
    for (const code of [...errorCodes, ...reasons, ...outcomes]) expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/u);
    for (const type of eventTypes) expect(type).toMatch(/^job\.[a-z]+$/u);
    const meanings = [...Object.values(ERRORS), ...Object.values(REASONS), ...Object.values(OUTCOMES)].map(({ meaning }) => meaning);
    for (const meaning of [...meanings, ...Object.values(EVENTS)]) expect(meaning).toMatch(/^\S.+[^.\s]$/u);
  });

  test("errors have a status of HTTP and an exit code of the command line", () => {
    for (const code of errorCodes) {
      expect(ERRORS[code].status, code).toBeGreaterThanOrEqual(400);
      expect(ERRORS[code].status, code).toBeLessThan(600);
      expect([2, 3, 4, 5], code).toContain(ERRORS[code].exit);
      // A refusal stays one, except of what is only too much or too early.
      if (ERRORS[code].retry && !["rate_limited", "idempotency_underway"].includes(code))
        expect(ERRORS[code].status, code).toBeGreaterThanOrEqual(500);
    }
  });

  test("what a retry policy may name are the ways to fail", () => {
    expect(failureOutcomes.every((outcome) => outcome.startsWith("failed"))).toBe(true);
    expect(failureOutcomes).toHaveLength(outcomes.filter((outcome) => outcome.startsWith("failed")).length);
  });
});

describe("errors of ours", () => {
  test("are known by their name and code, also when another copy of this package made them", () => {
    class WindlassErrorOfAnotherCopy extends Error {
      override name = "WindlassError";
      readonly code = "not_found";
    }
    for (const error of [new WindlassError("not_found", "there is no job"), new WindlassErrorOfAnotherCopy("there is no job")]) {
      expect(isWindlassError(error)).toBe(true);
      expect(hasCode(error, "not_found")).toBe(true);
      expect(hasCode(error, "conflict")).toBe(false);
    }
  });

  test("are not mistaken for others", () => {
    const system = Object.assign(new Error("no such file"), { code: "ENOENT" });
    const unknownCode = Object.assign(new Error("x"), { name: "WindlassError", code: "toString_" });
    for (const other of [system, unknownCode, new Error("x"), { name: "WindlassError", code: "not_found" }, null, "not_found"])
      expect(isWindlassError(other)).toBe(false);
  });

  test("a code that every object inherits is no code", () => {
    for (const code of ["toString", "constructor", "__proto__"])
      expect(isWindlassError(Object.assign(new Error("x"), { name: "WindlassError", code }))).toBe(false);
  });

  test("carry faults, details and their cause", () => {
    const cause = new Error("disk");
    const error = new WindlassError("invalid", "two faults", { faults: [{ path: "name", message: "is empty" }], details: { a: 1 }, cause });
    expect(error).toMatchObject({ code: "invalid", faults: [{ path: "name" }], details: { a: 1 }, cause });
    expect(new WindlassError("conflict", "x")).toMatchObject({ faults: [], details: {} });
  });

  test("anything that was thrown has a text", () => {
    expect([new Error("a"), "b", null, 3].map(messageOf)).toEqual(["a", "b", "null", "3"]);
    const angry = {
      get x() {
        throw new Error("no");
      },
    };
    let deep: object = {};
    for (let i = 0; i < 100_000; i++) deep = { deep };
    expect([angry, deep].map(messageOf)).toEqual(["[object Object]", "[object Object]"]);
    expect(messageOf({ large: "x".repeat(1_000_000) }).length).toBe(2_000);
  });
});
