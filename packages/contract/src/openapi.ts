/** The API as an OpenAPI 3.1 document, made from the operations. Pure: the same operations give the same text. */
import { ERRORS, type ErrorCode } from "@windlass/kernel";
import * as z from "zod";
import { EXAMPLES } from "./openapi-examples.ts";
import { ANSWER_HEADERS, answerHeaders, isTaggedRead, problemHeaders, requestHeaders } from "./openapi-headers.ts";
import { noteAt, noted } from "./openapi-notes.ts";
import { COMMON_ERRORS, keepsAnswers, type Operation } from "./operation.ts";
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
  schemaOf(problemJson, { io: "output", place: "Problem", schemas });
  return {
    openapi: "3.1.0",
    info: {
      title: "Windlass",
      version,
      summary: "Jobs, workflows and queues",
      description: DESCRIPTION,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    // Relative to the document: whichever address it is read at is the one to ask, with what a proxy has put before it.
    servers: [{ url: "./", description: "The server that this document is read from" }],
    security: [{ token: [] }],
    paths: sorted(paths),
    tags: [...new Set(operationList.map(nounOf))].toSorted().map((name) => ({ name })),
    components: {
      schemas: sorted(schemas),
      headers: ANSWER_HEADERS,
      securitySchemes: {
        token: {
          type: "http",
          scheme: "bearer",
          description: "The admin token of the data folder, or one that was made: windlass tokens create",
        },
        internal: {
          type: "http",
          scheme: "bearer",
          description: "The internal token (internal.apiToken), for parts of Windlass that run elsewhere; it opens nothing else",
        },
      },
    },
  };
}

/** Paragraphs; what holds for all operations. */
const DESCRIPTION = [
  "JSON in camelCase; times are ISO 8601 in UTC. Every refusal is application/problem+json with a code that never changes and, where there are some, all faults at once.",
  "Lists that may grow have a limit and a cursor. Reads of single objects have an ETag and answer If-None-Match with 304; what two may edit heeds If-Match.",
  "A call that changes something is carried out once per Idempotency-Key: within a day, the same call under the same key gets the first answer again, with Idempotency-Replayed; another call under it is refused. Of one that makes a job the key belongs to the job, for as long as that is kept: the answer shows the job as it is now, with created: false.",
  "Streams are server-sent events. After reset events were lost: read again, and go on from there. Last-Event-ID continues a stream.",
].join("\n\n");

const BYTES = { "application/octet-stream": { schema: { type: "string", format: "binary" } } };

function nounOf({ id }: Operation): string {
  return id.split(".", 1)[0] ?? "";
}

function describe(operation: Operation, schemas: Record<string, Schema>): Schema {
  const parameters = [
    ...parametersOf("path", operation, schemas),
    ...parametersOf("query", operation, schemas),
    ...requestHeaders(operation),
  ];
  const example = EXAMPLES[operation.id] ?? {};
  const body =
    operation.body.type === "undefined"
      ? undefined
      : {
          required: true,
          content:
            operation.request === "bytes"
              ? BYTES
              : {
                  "application/json": {
                    schema: schemaOf(operation.body, { io: "input", place: `${operation.id}.body`, schemas }),
                    ...exampleOf(example.body),
                  },
                },
        };
  return {
    operationId: operation.id,
    tags: [nounOf(operation)],
    summary: operation.summary,
    ...securityOf(operation),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: body }),
    responses: {
      [operation.status]: { ...answerOf(operation, schemas), headers: answerHeaders(operation) },
      ...(isTaggedRead(operation)
        ? { 304: { description: "It is as If-None-Match says", headers: { ETag: { $ref: "#/components/headers/ETag" } } } }
        : {}),
      ...problemsOf(operation),
    },
  };
}

function securityOf({ permission, internal }: Operation): Schema {
  if (internal) return { security: [{ internal: [] }] };
  return permission === null ? { security: [] } : { "x-permission": permission };
}

function parametersOf(where: "path" | "query", { id, params, query }: Operation, schemas: Record<string, Schema>): Schema[] {
  const [object, part] = where === "path" ? [params, "params"] : [query, "query"];
  return Object.entries(object.shape as Record<string, z.ZodType>).map(([name, field]) => {
    const place = `${id}.${part}.${name}`;
    const description = noteAt(place);
    return {
      name,
      in: where,
      required: where === "path" || !field.safeParse(undefined).success,
      ...(description === undefined ? {} : { description }),
      schema: schemaOf(field, { io: "input", place, schemas }),
    };
  });
}

function answerOf(operation: Operation, schemas: Record<string, Schema>): Schema {
  if (operation.response === "bytes") return { description: "Bytes", content: BYTES };
  const schema = schemaOf(operation.result, { io: "output", place: `${operation.id}.result`, schemas });
  if (operation.response === "json")
    return { description: "Done", content: { "application/json": { schema, ...exampleOf(EXAMPLES[operation.id]?.answer) } } };
  return {
    description: "Server-sent events; the data of each is JSON of this schema",
    content: { "text/event-stream": { schema: { type: "string", contentMediaType: "application/json", contentSchema: schema } } },
  };
}

function exampleOf(example: unknown): Schema {
  return example === undefined ? {} : { example };
}

/** Under an idempotency key, any operation may refuse with these. */
const KEY_ERRORS: readonly ErrorCode[] = ["idempotency_mismatch", "idempotency_underway", "idempotency_unknown"];

/** Refusals by status, with the codes that each may carry. */
function problemsOf(operation: Operation): Record<string, Schema> {
  const codes: readonly ErrorCode[] = [
    ...new Set([...COMMON_ERRORS, ...operation.errors, ...(keepsAnswers(operation) ? KEY_ERRORS : [])]),
  ].filter((code) => mayRefuseWith(operation, code));
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) byStatus.set(ERRORS[code].status, [...(byStatus.get(ERRORS[code].status) ?? []), code]);
  const content = { [PROBLEM_TYPE]: { schema: { $ref: "#/components/schemas/Problem" } } };
  return Object.fromEntries(
    [...byStatus].map(([status, all]) => [
      status,
      { description: all.map((code) => `${code}: ${ERRORS[code].meaning}`).join("; "), headers: problemHeaders(status), content },
    ]),
  );
}

function mayRefuseWith({ permission, internal }: Operation, code: ErrorCode): boolean {
  if (code === "unauthorized") return permission !== null;
  return code !== "forbidden" || permission !== null || internal;
}

interface Wanted {
  readonly io: "input" | "output";
  /** Of one without a name: by what its notes go. */
  readonly place: string;
  readonly schemas: Record<string, Schema>;
}

/** Named schemas go to the components, once; what remains refers to them. */
function schemaOf(schema: z.ZodType, { io, place, schemas }: Wanted): Schema {
  const { $schema: _, $defs, ...own } = z.toJSONSchema(schema, { io, target: "draft-2020-12", unrepresentable: "any" }) as Schema;
  for (const [name, definition] of Object.entries(($defs ?? {}) as Record<string, Schema>))
    schemas[name] ??= noted(referring(definition) as Schema, name);
  const { id, ...rest } = referring(own) as Schema;
  if (typeof id !== "string") return noted(rest, place);
  schemas[id] ??= noted(rest, id);
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
