/** For tests: the smallest input that a schema takes, made from the schema itself. Throws when it cannot make one. */
import type { Operation } from "@windlass/contract";
import * as z from "zod";

interface Schema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minItems?: number;
  readonly minLength?: number;
  readonly minimum?: number;
  readonly format?: string;
  readonly pattern?: string;
}

function inputFor(schema: z.ZodType): unknown {
  const whole = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Schema;
  const input = valueOf(whole, whole.$defs ?? {});
  const read = schema.safeParse(input);
  if (!read.success) throw new Error(`no input could be made for this schema: ${JSON.stringify(input)} is refused: ${read.error.message}`);
  return input;
}

/** The smallest body of an operation; of bytes any will do. */
export function bodyFor({ body, request }: Operation): unknown {
  if (body.type === "undefined") return undefined;
  return request === "bytes" ? "bytes" : inputFor(body);
}

function valueOf(schema: Schema, named: Readonly<Record<string, Schema>>): unknown {
  if (schema.$ref !== undefined) return valueOf(named[schema.$ref.replace("#/$defs/", "")] ?? {}, named);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  const [first] = schema.anyOf ?? schema.oneOf ?? [];
  if (first !== undefined) return valueOf(first, named);
  switch (schema.type) {
    case "object":
      return Object.fromEntries((schema.required ?? []).map((key) => [key, valueOf(schema.properties?.[key] ?? {}, named)]));
    case "array":
      return Array.from({ length: schema.minItems ?? 0 }, () => valueOf(schema.items ?? {}, named));
    case "string":
      return schema.format === "date-time" ? "2100-01-01T00:00:00Z" : "x".repeat(Math.max(1, schema.minLength ?? 1));
    case "integer":
    case "number":
      return Math.max(1, schema.minimum ?? 1);
    case "boolean":
      return true;
    default:
      return {};
  }
}
