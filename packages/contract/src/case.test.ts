import { expect, test } from "vitest";
import { camelCaseOf, snakeCaseOf } from "./case.ts";

test("snake_case and camelCase are the same key", () => {
  for (const camel of ["timeoutSeconds", "apiVersion", "maxParallel", "name", "continueOnFailure"]) {
    expect(camelCaseOf(snakeCaseOf(camel))).toBe(camel);
    expect(camelCaseOf(camel)).toBe(camel);
  }
});

test("what starts with an underscore is no key of ours and stays as it is", () => {
  expect(camelCaseOf("__proto__")).toBe("__proto__");
  expect(camelCaseOf("_x")).toBe("_x");
});
