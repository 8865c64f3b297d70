/** From the texts of a query to the values that its schema speaks of: numbers, booleans, lists. What cannot be read stays text. */
import type * as z from "zod";
import { bareSchema } from "@windlass/contract";

export function readQuery(schema: z.ZodObject, query: Readonly<Record<string, readonly string[]>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(query).map(([name, texts]): [string, unknown] => {
      const field = Object.hasOwn(schema.shape, name) ? bareSchema(schema.shape[name] as z.ZodType) : undefined;
      if (field?.type === "array") return [name, texts];
      // One that comes twice stays a list, which the schema refuses.
      return [name, texts.length === 1 ? valueOf(field, texts[0] ?? "") : texts];
    }),
  );
}

function valueOf(field: z.ZodType | undefined, text: string): unknown {
  if (field?.type === "number") return /^-?\d+(\.\d+)?$/u.test(text) ? Number(text) : text;
  if (field?.type === "boolean") return text === "true" ? true : text === "false" ? false : text;
  return text;
}
