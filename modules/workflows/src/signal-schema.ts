/** Whether what a signal brings is what the step that waits for it takes: JSON Schema, as far as zod reads it. */
import { messageOf, type Fault, type Json, type JsonObject } from "@windlass/kernel";
import * as z from "zod";
import { pathText } from "./finding.ts";

/** What is wrong with a schema; undefined when it can be used. */
export function schemaMistake(schema: JsonObject): string | undefined {
  const read = readSchema(schema);
  return typeof read === "string" ? read : undefined;
}

/** Every fault of the data, each with its path. */
export function dataFaults(schema: JsonObject, data: Json): readonly Fault[] {
  const read = readSchema(schema);
  if (typeof read === "string") return [{ path: "data", message: read }];
  const result = read.safeParse(data);
  if (result.success) return [];
  return result.error.issues.map(({ path, message }) => {
    const place = pathText(["data", ...path.map((part) => (typeof part === "number" ? part : String(part)))]);
    return { path: place, message: `${place}: ${message}` };
  });
}

function readSchema(schema: JsonObject): z.ZodType | string {
  try {
    return z.fromJSONSchema(schema);
  } catch (error) {
    return `it is no JSON Schema that can be used: ${messageOf(error)}`;
  }
}
