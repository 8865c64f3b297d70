/** Whatever is sent: the server answers, with a problem or a result, and never with a failure of its own. */
import { operationList } from "@windlass/contract";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testServer, TOKEN, type TestServer } from "./server-fixture.ts";

/** On a busy machine. */
const FUZZ_MS = 60_000;
/** An answer that takes longer hangs. */
const ANSWER_MS = 20_000;

let server: TestServer;
beforeAll(async () => {
  // With the token that all is asked with, so that the internal addresses are open, too.
  server = await testServer({ bodyBytesMax: 5_000, internalToken: TOKEN });
});
afterAll(() => server.close());

/** What breaks those who did not think of it. */
const nasty = [
  "__proto__",
  "constructor",
  "toString",
  "..%2f..",
  "a@2",
  "%00",
  "%ff",
  "\0",
  "a\0b",
  "\uD800",
  "\u202E",
  "💥".repeat(50),
  "-0",
  "1e999",
  "NaN",
  " ",
];
const segment = fc.oneof(fc.string({ minLength: 1 }), fc.constantFrom("job_1", ...nasty));
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
const deep = (depth: number): unknown => JSON.parse(`${'{"a":['.repeat(depth)}1${"]}".repeat(depth)}`);
const value = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom(...nasty, 1e308, -1e308, 2 ** 53, 2 ** 63, 5e-324, "9".repeat(400)),
  fc.constantFrom(10, 31, 33, 200).map(deep),
  fc.constantFrom("default", "handler", "process", "none", "workflow", "2026-01-01T00:00:00Z", -1, 1e308, "{}"),
);
const body = fc.oneof(fc.dictionary(fc.constantFrom(...names), value), fc.jsonValue());
const query = fc.dictionary(fc.constantFrom(...names), fc.oneof(fc.string(), fc.constantFrom(...nasty, "9".repeat(400))), { maxKeys: 3 });
const headers = fc.dictionary(
  fc.constantFrom(
    "idempotency-key",
    "if-match",
    "if-none-match",
    "last-event-id",
    "x-request-id",
    "windlass-workspace",
    "content-type",
    "origin",
    "host",
  ),
  fc.oneof(
    fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)) }),
    fc.constantFrom("*", '"1"', "W/", "0", "default", "application/json", "9".repeat(30)),
  ),
  { maxKeys: 2 },
);

/** The answer to a request of any shape; never a failure of the server's own, and never none. */
async function expectAnswer(
  method: string,
  path: string,
  more: { readonly body?: string; readonly headers?: Readonly<Record<string, string>> },
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${method} ${path} hangs`)), ANSWER_MS);
  });
  const answer = await Promise.race([server.ask(method, path, more), late]);
  clearTimeout(timer);
  await answer.body?.cancel();
  expect(answer.status, `${method} ${path} ${JSON.stringify(more)}`).toBeLessThan(500);
  expect(Object.keys({})).toEqual([]);
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
}

test.each(operationList.map((operation) => [operation.id, operation] as const))(
  "%s",
  async (_, operation) => {
    await fc.assert(
      fc.asyncProperty(fc.tuple(segment, query, body, headers), async ([id, asked, sent, told]) => {
        const path = `${operation.path.replace(/\{\w+\}/gu, encodeURIComponent(id.toWellFormed()))}?${new URLSearchParams(asked).toString()}`;
        const hasBody = operation.method === "POST" || operation.method === "PUT";
        await expectAnswer(operation.method, path, { headers: told, ...(hasBody ? { body: JSON.stringify(sent) } : {}) });
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

test.each([
  '{"__proto__":{"polluted":1}}',
  '{"constructor":{"prototype":{"polluted":1}}}',
  '{"labels":{"__proto__":{"polluted":1}}}',
  "[".repeat(4_000),
  '{"name":1e400}',
  '"\\ud800"',
])(
  "a body that is after something else: %s",
  async (text) => {
    for (const { method, path } of operationList.filter((operation) => operation.method !== "GET"))
      await expectAnswer(method, path.replace(/\{\w+\}/gu, "x"), method === "DELETE" ? {} : { body: text });
  },
  FUZZ_MS,
);
