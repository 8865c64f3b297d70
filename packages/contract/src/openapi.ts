/** The API as an OpenAPI 3.1 document, made from the operations. Pure: the same operations give the same text. */
import { ERRORS, type ErrorCode } from "@windlass/kernel";
import * as z from "zod";
import { COMMON_ERRORS, type Operation } from "./operation.ts";
import { operationList } from "./operations.ts";
import { PROBLEM_TYPE, problemJson } from "./problem.ts";

type Schema = Record<string, unknown>;

export function openApiDocument(version: string): Schema {
  const schemas: Record<string, Schema> = {};
  const paths: Record<string, Schema> = {};
  for (const operation of operationList) {
    const path = (paths[operation.path] ??= {});
    path[operation.method.toLowerCase()] = describe(operation, schemas);
  }
  schemaOf(problemJson, "output", schemas);
  return {
    openapi: "3.1.0",
    info: { title: "Windlass", version, summary: "Jobs, workflows and queues", license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    servers: [{ url: "http://127.0.0.1:4180" }],
    security: [{ token: [] }],
    paths: sorted(paths),
    components: { schemas: sorted(schemas), securitySchemes: { token: { type: "http", scheme: "bearer" } } },
  };
}

function describe(operation: Operation, schemas: Record<string, Schema>): Schema {
  const [noun = ""] = operation.id.split(".");
  const parameters = [
    ...parametersOf("path", operation.params, schemas),
    ...parametersOf("query", operation.query, schemas),
    ...headersOf(operation),
  ];
  const body =
    operation.body.type === "undefined"
      ? undefined
      : { required: true, content: { "application/json": { schema: schemaOf(operation.body, "input", schemas) } } };
  return {
    operationId: operation.id,
    tags: [noun],
    summary: operation.summary,
    ...(operation.permission === null ? { security: [] } : { "x-permission": operation.permission }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: body }),
    responses: { [operation.status]: answerOf(operation, schemas), ...problemsOf(operation) },
  };
}

function parametersOf(where: "path" | "query", object: z.ZodObject, schemas: Record<string, Schema>): Schema[] {
  return Object.entries(object.shape as Record<string, z.ZodType>).map(([name, field]) => ({
    name,
    in: where,
    required: where === "path" || !field.safeParse(undefined).success,
    schema: schemaOf(field, "input", schemas),
  }));
}

function headersOf(operation: Operation): Schema[] {
  const named = (name: string, description: string): Schema => ({
    name,
    in: "header",
    required: false,
    description,
    schema: { type: "string" },
  });
  return [
    ...(operation.permission === null
      ? []
      : [named("Windlass-Workspace", "The workspace; left out: the only one of the token, or default")]),
    ...(operation.idempotent ? [named("Idempotency-Key", "The same as idempotencyKey in the body: one key, one job")] : []),
    ...(operation.response === "sse" ? [named("Last-Event-ID", "Continue behind the message with this id")] : []),
  ];
}

function answerOf(operation: Operation, schemas: Record<string, Schema>): Schema {
  if (operation.response === "bytes")
    return { description: "Bytes", content: { "application/octet-stream": { schema: { type: "string", format: "binary" } } } };
  const schema = schemaOf(operation.result, "output", schemas);
  if (operation.response === "json") return { description: "Done", content: { "application/json": { schema } } };
  return {
    description: "Server-sent events; the data of each is JSON of this schema",
    content: { "text/event-stream": { schema: { type: "string", contentMediaType: "application/json", contentSchema: schema } } },
  };
}

/** Refusals by status, with the codes that each may carry. */
function problemsOf(operation: Operation): Record<string, Schema> {
  const codes: readonly ErrorCode[] = [...COMMON_ERRORS, ...operation.errors].filter(
    (code) => operation.permission !== null || (code !== "unauthorized" && code !== "forbidden"),
  );
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) byStatus.set(ERRORS[code].status, [...(byStatus.get(ERRORS[code].status) ?? []), code]);
  const content = { [PROBLEM_TYPE]: { schema: { $ref: "#/components/schemas/Problem" } } };
  return Object.fromEntries(
    [...byStatus].map(([status, all]) => [
      status,
      { description: all.map((code) => `${code}: ${ERRORS[code].meaning}`).join("; "), content },
    ]),
  );
}

/** Named schemas go to the components, once; what remains refers to them. */
function schemaOf(schema: z.ZodType, io: "input" | "output", schemas: Record<string, Schema>): Schema {
  const { $schema: _, $defs, ...own } = z.toJSONSchema(schema, { io, target: "draft-2020-12", unrepresentable: "any" }) as Schema;
  for (const [name, definition] of Object.entries(($defs ?? {}) as Record<string, Schema>))
    schemas[name] ??= referring(definition) as Schema;
  const { id, ...rest } = referring(own) as Schema;
  if (typeof id !== "string") return rest;
  schemas[id] ??= rest;
  return { $ref: `#/components/schemas/${id}` };
}

function referring(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(referring);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [
      key,
      key === "$ref" && typeof field === "string" ? field.replace("#/$defs/", "#/components/schemas/") : referring(field),
    ]),
  );
}

function sorted<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
