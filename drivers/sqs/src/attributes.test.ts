import { expect, test } from "vitest";
import { attributesOf, toldBy } from "./attributes.ts";

/** SQS refuses a message with more. */
const ATTRIBUTES_MAX = 10;

test.each([0, 2, 6, 10])("what came with %i attributes is told on with all of them, in as many as SQS takes", (count) => {
  const attributes = Object.fromEntries(Array.from({ length: count }, (_, i) => [`a${i}`, `v${i} "ü"`]));
  const words = { id: "x", attributes, attemptsBefore: 3, firstAt: 17, reason: "schema", message: "no" } as const;
  const made = attributesOf(words);
  expect(Object.keys(made).length).toBeLessThanOrEqual(ATTRIBUTES_MAX);
  expect(toldBy({ MessageAttributes: made })).toMatchObject(words);
});

test("what somebody else wrote in our place is no reason to stop", () => {
  const StringValue = "no JSON";
  expect(toldBy({ MessageAttributes: { windlass_attributes: { DataType: "String", StringValue } } }).attributes).toEqual({});
});
