import fc from "fast-check";
import { expect, test } from "vitest";
import { isLabelValue, labelSafe } from "./labels.ts";

test.each([
  ["extract", "extract"],
  ["check_db-2", "check_db-2"],
  ["Grüße an alle!", "Gr-e-an-alle.h1615cd08f2"],
  ["-", "x.h3973e022e9"],
])("%j is labelled %j", (text, label) => {
  expect(labelSafe(text)).toBe(label);
});

test("any text has a value that a label may have, and two texts have two", { timeout: 60_000 }, () => {
  const name = fc.oneof(fc.string({ unit: "binary", maxLength: 200 }), fc.stringMatching(/^[a-z.h0-9-]{1,70}$/u));
  fc.assert(fc.property(name, (text) => isLabelValue(labelSafe(text))));
  fc.assert(fc.property(name, name, (one, other) => one === other || labelSafe(one) !== labelSafe(other)));
  fc.assert(fc.property(name, (text) => text === labelSafe(text) || labelSafe(labelSafe(text)) !== labelSafe(text)));
});
