/** Objects of a JSON Schema, from the table of keys by which files are read: a key without a description is a bug. */
import { snakeCaseOf } from "@windlass/contract";
import { assert } from "@windlass/kernel";

export type Schema = Readonly<Record<string, unknown>>;

interface Keys {
  readonly known: readonly string[];
}

export interface SchemaFields {
  readonly fields: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

/** Keys as they are written in files; in camelCase they are taken too, but not offered. */
export function objectOf({ known }: Keys, { fields, required = [] }: SchemaFields): Schema {
  const described = Object.keys(fields);
  assert(
    known.every((key) => described.includes(key)) && described.every((key) => known.includes(key)),
    `the schema has the keys ${described.join(", ")}, files have ${known.join(", ")}`,
  );
  const spelled = (key: string): string => (key === "apiVersion" ? key : snakeCaseOf(key));
  const twoWays = known.filter((key) => spelled(key) !== key);
  return {
    type: "object",
    properties: Object.fromEntries(known.map((key) => [spelled(key), fields[key] ?? {}])),
    ...(twoWays.length === 0 ? {} : { patternProperties: Object.fromEntries(twoWays.map((key) => [`^${key}$`, fields[key] ?? {}])) }),
    additionalProperties: false,
    ...(required.length === 0 ? {} : { required: required.map(spelled) }),
  };
}

const ALIAS: Schema = { type: "string", minLength: 1, description: "the alias of a secret; may hold {{ }}" };
const SOURCE: Schema = {
  type: "object",
  description: "where a cluster is to find it: secretKeyRef, configMapKeyRef or fieldRef; heeded by the executor kubernetes only",
  minProperties: 1,
  maxProperties: 1,
};

/** Variables of a program: a map, or a list as Kubernetes writes it. */
export const ENV: Schema = environment(ALIAS);
export const CONTAINER_ENV: Schema = environment({ anyOf: [ALIAS, SOURCE] });

function environment(source: Schema): Schema {
  const value = { type: ["string", "boolean", "integer"] };
  const from = {
    type: "object",
    properties: { value_from: source, valueFrom: source },
    minProperties: 1,
    maxProperties: 1,
    additionalProperties: false,
  };
  return {
    anyOf: [
      { type: "object", additionalProperties: { anyOf: [value, from] } },
      {
        type: "array",
        items: {
          type: "object",
          properties: { name: { type: "string" }, value, value_from: source, valueFrom: source },
          required: ["name"],
          additionalProperties: false,
        },
      },
    ],
  };
}
