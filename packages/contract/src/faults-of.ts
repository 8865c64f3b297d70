/**
 * From what a schema found wrong to faults for people: where, what was found, what is allowed, the nearest right word. What
 * is a secret, or may hold one, is not repeated to whoever sent it: refusals are logged and shown.
 */
import { didYouMean, type Fault } from "@windlass/kernel";
import type * as z from "zod";

type Issue = z.core.$ZodIssue;

/** Faults that one answer lists; more help nobody. */
const FAULTS_MAX = 100;

/** `schema` is asked for the names that it knows. The last one says how many more there are, if there are. */
export function faultsOf(error: z.ZodError, input: unknown, schema: z.ZodType): readonly Fault[] {
  // What is not told is not put into words: that takes longer than to read the request.
  const issues = error.issues.slice(0, FAULTS_MAX);
  const told = issues.flatMap((issue) => faultsOfIssue(issue, input, schema)).slice(0, FAULTS_MAX);
  const found = error.issues.reduce((sum, issue) => sum + (issue.code === "unrecognized_keys" ? issue.keys.length : 1), 0);
  return found === told.length ? told : [...told, { path: "", message: `${found - told.length} more faults are not listed` }];
}

function pathText(path: readonly PropertyKey[]): string {
  return path.map((part, index) => (typeof part === "number" ? `[${part}]` : `${index === 0 ? "" : "."}${String(part)}`)).join("");
}

function faultsOfIssue(issue: Issue, input: unknown, schema: z.ZodType): Fault[] {
  const path = pathText(issue.path);
  const subject = path === "" ? "the request" : path;
  const found = at(input, issue.path);
  const shown = found !== undefined && isSecretAt(schema, issue.path) ? hidden : shortened;
  if (issue.code === "unrecognized_keys") {
    const known = keysOf(schemaAt(schema, issue.path));
    return issue.keys.slice(0, FAULTS_MAX).map((key) => ({
      path: path === "" ? key : `${path}.${key}`,
      message: `there is no field "${key}"${didYouMean(key, known) || allowed(known)}`,
    }));
  }
  if (issue.code === "invalid_type" && found === undefined)
    return [{ path, message: `${subject} is missing; it must be ${nounOf(issue.expected)}` }];
  if (issue.code === "invalid_type") return [{ path, message: `${subject} is ${shown(found)}; it must be ${nounOf(issue.expected)}` }];
  if (issue.code === "invalid_value") {
    const words = issue.values.map(String);
    if (found === undefined) return [{ path, message: `${subject} is missing; it must be one of ${words.join(", ")}` }];
    const near = typeof found === "string" ? didYouMean(found, words) : "";
    return [{ path, message: `${subject} is ${shown(found)}; it must be one of ${words.join(", ")}${near}` }];
  }
  if (issue.code === "too_small" || issue.code === "too_big") return [{ path, message: `${subject} ${sizeFault(issue, found, shown)}` }];
  if (issue.code === "invalid_format" && issue.format === "datetime")
    return [{ path, message: `${subject} is ${shown(found)}; it must be a time like 2026-01-31T12:00:00Z` }];
  return [{ path, message: `${subject} is ${shown(found)}: ${issue.message}` }];
}

function sizeFault(issue: Extract<Issue, { code: "too_small" | "too_big" }>, found: unknown, shown: typeof shortened): string {
  const [word, bound] = issue.code === "too_small" ? ["at least", issue.minimum] : ["at most", issue.maximum];
  const edge = issue.inclusive === false ? `${issue.code === "too_small" ? "greater" : "less"} than ${bound}` : `${word} ${bound}`;
  if (issue.origin === "string") return `has ${String(found).length} characters; it must have ${edge}`;
  if (issue.origin === "map") return `has ${Object.keys(found as object).length} entries; it must have ${edge}`;
  if (issue.origin === "array") return `has ${Array.isArray(found) ? found.length : "?"} entries; it must have ${edge}`;
  return `is ${shown(found)}; it must be ${edge}`;
}

function nounOf(expected: string): string {
  const nouns: Record<string, string> = {
    string: "text",
    int: "a whole number",
    number: "a number",
    boolean: "true or false",
    array: "a list",
    object: "an object",
    record: "an object",
  };
  return nouns[expected] ?? expected;
}

/** A value as it was found. */
function shortened(value: unknown): string {
  const text = JSON.stringify(value) ?? "missing";
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function hidden(value: unknown): string {
  return `${value === null ? "null" : Array.isArray(value) ? "a list" : typeof value} (not repeated: it may be a secret)`;
}

/** Whether what is at this place is a secret, part of one, or should have been an object that holds one. */
function isSecretAt(schema: z.ZodType, path: readonly PropertyKey[]): boolean {
  for (let length = 0; length <= path.length; length++) {
    const own = schemaAt(schema, path.slice(0, length));
    if (own !== undefined && isSecret(own)) return true;
  }
  const last = schemaAt(schema, path);
  return last !== undefined && holdsSecret(last);
}

function holdsSecret(schema: z.ZodType): boolean {
  const { shape = {}, element } = bareSchema(schema) as SchemaParts;
  return isSecret(schema) || Object.values(shape).some(holdsSecret) || (element !== undefined && holdsSecret(element));
}

function isSecret(schema: z.ZodType): boolean {
  return schema.meta()?.["secret"] === true || bareSchema(schema).meta()?.["secret"] === true;
}

function allowed(known: readonly string[]): string {
  return known.length === 0 ? "; none are allowed here" : `; allowed are ${known.join(", ")}`;
}

function at(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === "object" && value !== null && Object.hasOwn(value, part) ? (value as Record<PropertyKey, unknown>)[part] : undefined,
    input,
  );
}

interface SchemaParts {
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  readonly element?: z.ZodType;
  readonly unwrap?: () => z.ZodType;
}

function schemaAt(schema: z.ZodType, path: readonly PropertyKey[]): z.ZodType | undefined {
  const parts = bareSchema(schema) as SchemaParts;
  const [first, ...rest] = path;
  if (first === undefined) return bareSchema(schema);
  const next = typeof first === "number" ? parts.element : parts.shape?.[String(first)];
  return next === undefined ? undefined : schemaAt(next, rest);
}

/** Without what makes it optional or gives it a default. */
export function bareSchema(schema: z.ZodType): z.ZodType {
  const type = schema.type;
  return (type === "optional" || type === "default" || type === "nullable") && "unwrap" in schema
    ? bareSchema((schema as unknown as Required<Pick<SchemaParts, "unwrap">>).unwrap())
    : schema;
}

function keysOf(schema: z.ZodType | undefined): readonly string[] {
  return Object.keys((schema as SchemaParts | undefined)?.shape ?? {});
}
