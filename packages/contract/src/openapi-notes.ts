/** Puts what the comments of the contract say of fields (field-notes.ts) into the schemas of the OpenAPI document. Pure. */
import { FIELD_NOTES } from "./field-notes.ts";

type Schema = Record<string, unknown>;

const notes = new Map(
  FIELD_NOTES.trim()
    .split("\n")
    .map((line): [string, string] => {
      const end = line.indexOf(" ");
      return [line.slice(0, end), line.slice(end + 1)];
    }),
);

/** What is said of the field at this place, such as `jobs.list.query.label`. */
export function noteAt(place: string): string | undefined {
  return notes.get(place);
}

/** With the notes of all fields within it; `place` is its own. What it refers to has notes of its own. */
export function noted(schema: Schema, place: string): Schema {
  const { properties, items, anyOf, oneOf, additionalProperties } = schema;
  const inner = (value: unknown): unknown => (isSchema(value) ? noted(value, place) : value);
  return {
    ...schema,
    ...(isSchema(properties) ? { properties: mapped(properties, (field, name) => fieldAt(field, `${place}.${name}`)) } : {}),
    ...(items === undefined ? {} : { items: inner(items) }),
    ...(Array.isArray(anyOf) ? { anyOf: anyOf.map(inner) } : {}),
    ...(Array.isArray(oneOf) ? { oneOf: oneOf.map(inner) } : {}),
    ...(additionalProperties === undefined ? {} : { additionalProperties: inner(additionalProperties) }),
  };
}

function fieldAt(field: unknown, place: string): unknown {
  if (!isSchema(field)) return field;
  const note = notes.get(place);
  return { ...noted(field, place), ...(note === undefined ? {} : { description: note }) };
}

function mapped(schemas: Schema, change: (schema: unknown, name: string) => unknown): Schema {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, change(schema, name)]));
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
