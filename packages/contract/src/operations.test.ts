import { errorCodes, permissions } from "@windlass/kernel";
import { expect, test } from "vitest";
import * as z from "zod";
import { EXAMPLES } from "./openapi-examples.ts";
import { openApiDocument } from "./openapi.ts";
import { keepsAnswers } from "./operation.ts";
import { operationList, operations } from "./operations.ts";
import { problemOf, problemJson } from "./problem.ts";
import { ROUTES, type Route } from "./routes.ts";

test("each route has its operation, under its own noun and verb", () => {
  const ids = Object.entries(operations).flatMap(([noun, verbs]) =>
    Object.entries(verbs).map(([verb, operation]): [string, string] => [`${noun}.${verb}`, operation.id]),
  );
  for (const [place, id] of ids) expect(place).toBe(id);
  expect(ids.map(([place]) => place).toSorted()).toEqual(Object.keys(ROUTES).toSorted());
});

test.each(operationList.map((operation) => [operation.id, operation] as const))(
  "the route of %s names what its schemas know",
  (id, operation) => {
    const route: Route = ROUTES[id];
    const inPath = [...operation.path.matchAll(/\{(\w+)\}/gu)].map((match) => match[1]);
    expect(Object.keys(operation.params.shape)).toEqual(inPath);
    expect(Object.keys(operation.query.shape).toSorted()).toEqual([...(route.query ?? [])].toSorted());
    expect(operation.path).toMatch(operation.internal ? /^\/api\/internal\/[a-z-]+/u : /^\/api\/v1\/[a-z-]+/u);
    const hasBody = operation.body.type !== "undefined";
    expect(hasBody).toBe(operation.method === "POST" || operation.method === "PUT");
  },
);

test.each(operationList.map((operation) => [operation.id, operation] as const))(
  "%s: no field of path, query and body shares a name, for callers give them together",
  (_, operation) => {
    const body = operation.body instanceof z.ZodObject ? Object.keys(operation.body.shape) : [];
    const names = [...Object.keys(operation.params.shape), ...Object.keys(operation.query.shape), ...body];
    expect(names).toEqual([...new Set(names)]);
  },
);

test("no two operations share an address, and permissions are resource:verb", () => {
  const addresses = operationList.map((operation) => `${operation.method} ${operation.path.replace(/\{\w+\}/gu, "{}")}`);
  expect(addresses).toEqual([...new Set(addresses)]);
  for (const operation of operationList) expect(operation.permission ?? "none:needed").toMatch(/^[a-z]+:[a-z]+$/u);
  expect(
    operationList.filter((operation) => operation.permission === null && !operation.internal).map((operation) => operation.id),
  ).toEqual(["jobs.complete"]);
});

/** By what is no request with an answer (the connection of a worker), and by what is in a request (jobs that start commands). */
const NEEDED_ELSEWHERE = ["workers:connect", "jobs:command"];

test("every permission is needed by an operation: one that opens nothing is a promise that is not kept", () => {
  const needed = new Set<string | null>([...operationList.map((operation) => operation.permission), ...NEEDED_ELSEWHERE]);
  expect(permissions.filter((permission) => !needed.has(permission))).toEqual([]);
});

test("unknown fields are refused everywhere", () => {
  for (const { id, query, body } of operationList) {
    expect(query.safeParse({ nonsense: 1 }).success, id).toBe(false);
    if (body instanceof z.ZodObject)
      expect(
        body.safeParse({ nonsense: 1 }).error?.issues.some((issue) => issue.code === "unrecognized_keys"),
        id,
      ).toBe(true);
  }
});

test("whatever is listed comes in pages", () => {
  const lists = operationList.filter(({ id }) => id.endsWith(".list"));
  expect(lists.length).toBeGreaterThan(10);
  for (const { id, query, result } of lists) {
    expect(Object.keys(query.shape), id).toContain("limit");
    // Events go on behind the position of the last one, also when there is no further page yet.
    const [asked, told] = id === "events.list" ? ["after", "next"] : ["cursor", "nextCursor"];
    expect(Object.keys(query.shape), id).toContain(asked);
    expect(Object.keys((result as z.ZodObject).shape), id).toContain(told);
  }
});

test("every problem is as the contract says", () => {
  for (const code of errorCodes)
    expect(
      problemJson.safeParse(
        problemOf({ code, message: "m", faults: [{ path: "a", message: "b", line: 1, column: 2 }], details: { a: 1 } }, "req_1"),
      ).success,
      code,
    ).toBe(true);
});

test("the examples of the document are as their schemas say", () => {
  expect(Object.keys(EXAMPLES).length).toBeGreaterThan(10);
  for (const { id, body, result } of operationList) {
    const example = EXAMPLES[id];
    if (example?.body !== undefined) expect(body.safeParse(example.body).error, id).toBeUndefined();
    if (example?.answer !== undefined) expect(result.safeParse(example.answer).error, id).toBeUndefined();
  }
});

test("what every operation heeds and carries is in the document", () => {
  const { paths } = openApiDocument("1.2.3") as {
    paths: Record<string, Record<string, { parameters: { name: string }[]; responses: Record<string, { headers?: object }> }>>;
  };
  for (const operation of operationList) {
    const { parameters, responses } = paths[operation.path]?.[operation.method.toLowerCase()] ?? expect.fail(operation.id);
    const names = parameters.map(({ name }) => name);
    expect(names.includes("Idempotency-Key"), operation.id).toBe(keepsAnswers(operation) || operation.idempotent);
    expect(names.includes("If-Match"), operation.id).toBe(operation.conditional);
    expect(names, operation.id).toEqual([...new Set(names)]);
    for (const status of [operation.status, 429])
      expect(Object.keys(responses[status]?.headers ?? {}), operation.id).toContain("X-Request-Id");
  }
});

test("the OpenAPI document refers to nothing that is not there, and holds all operations", () => {
  const document = openApiDocument("1.2.3") as {
    paths: Record<string, Record<string, { operationId: string }>>;
    components: { schemas: Record<string, unknown> };
  };
  const text = JSON.stringify(document);
  for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/gu)) expect(document.components.schemas).toHaveProperty(name ?? "");
  expect(text).not.toContain("#/$defs");
  const ids = Object.values(document.paths).flatMap((path) => Object.values(path).map((operation) => operation.operationId));
  expect(ids.toSorted()).toEqual(Object.keys(ROUTES).toSorted());
  expect(Object.keys(document.components.schemas)).toEqual(
    expect.arrayContaining(["Job", "JobDetail", "Problem", "Fault", "Workflow", "Queue"]),
  );
  expect(openApiDocument("1.2.3")).toEqual(document);
});
