/** Whatever is sent: the server answers, with a problem or a result, and never with a failure of its own. */
import { operationList } from "@windlass/contract";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testServer, type TestServer } from "./server-fixture.ts";

/** On a busy machine. */
const FUZZ_MS = 60_000;

let server: TestServer;
beforeAll(async () => {
  server = await testServer({ bodyBytesMax: 5_000 });
});
afterAll(() => server.close());

const segment = fc.oneof(fc.string({ minLength: 1 }), fc.constantFrom("job_1", "__proto__", "constructor", "..%2f..", "a@2", "%00", "%ff"));
const names = [
  ...new Set(
    operationList.flatMap((operation) => [
      ...Object.keys(operation.query.shape),
      ...Object.keys((operation.body as { shape?: object }).shape ?? {}),
    ]),
  ),
  "__proto__",
  "toString",
];
const value = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom("default", "handler", "process", "none", "workflow", "2026-01-01T00:00:00Z", -1, 1e308, "{}"),
);
const body = fc.oneof(fc.dictionary(fc.constantFrom(...names), value), fc.jsonValue());
const query = fc.dictionary(fc.constantFrom(...names), fc.string(), { maxKeys: 3 });

test.each(operationList.map((operation) => [operation.id, operation] as const))(
  "%s",
  async (_, operation) => {
    await fc.assert(
      fc.asyncProperty(segment, query, body, async (id, asked, sent) => {
        const path = `${operation.path.replace(/\{\w+\}/gu, encodeURIComponent(id.toWellFormed()))}?${new URLSearchParams(asked).toString()}`;
        const hasBody = operation.method === "POST" || operation.method === "PUT";
        const answer = await server.ask(operation.method, path, hasBody ? { body: JSON.stringify(sent) } : {});
        await answer.body?.cancel();
        expect(answer.status, `${path} ${JSON.stringify(sent)}`).toBeLessThan(500);
      }),
      { numRuns: 30 },
    );
  },
  FUZZ_MS,
);

test(
  "bytes that are no JSON",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary" }), async (text) => {
        const answer = await server.ask("POST", "/api/v1/jobs", { body: text });
        expect(answer.status).toBeLessThan(500);
      }),
      { numRuns: 30 },
    );
  },
  FUZZ_MS,
);
