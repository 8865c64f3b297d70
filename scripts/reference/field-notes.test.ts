/** Which comments become notes, and of what. */
import { expect, test } from "vitest";
import { notesOf } from "./field-notes.ts";

const OTHER = `
/** Of pages. */
export const page = {
  /** Where to go on. */
  cursor: z.string(),
};
export const inner = z.object({
  /** Of the inner one. */
  at: z.string(),
}).meta({ id: "Inner" });
`;

const FILE = `
/** The key of it. */
const key = z.string();
const small = z.object({
  /** How many
   *  there are. */
  count: z.int(),
  /** Shown by its name. */
  inner: inner.nullable(),
  key,
  // Not for readers.
  hidden: z.string(),
}).meta({ id: "Small" });
export const large = small.extend({
  list: z.array(z.union([z.object({
    /** Deep within. */
    deep: z.string(),
  }), inner])),
}).meta({ id: "Large" });
export const operations = {
  list: operation("things.list", {
    query: z.strictObject({ ...page, own: key.optional() }),
    result: z.object({
      /** All of them. */
      items: z.array(small),
    }),
  }),
  get: operation("things.get", { body: small, result: large }),
};
`;

test("a comment is the note of its field, wherever the schema that has it goes", () => {
  expect(notesOf([OTHER, FILE])).toEqual([
    "Inner.at Of the inner one.",
    "Large.count How many there are.",
    "Large.inner Shown by its name.",
    "Large.key The key of it.",
    "Large.list.deep Deep within.",
    "Small.count How many there are.",
    "Small.inner Shown by its name.",
    "Small.key The key of it.",
    "things.list.query.cursor Where to go on.",
    "things.list.result.items All of them.",
  ]);
});
