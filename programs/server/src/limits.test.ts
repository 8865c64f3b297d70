/** Each limit, tripped once; and which pages of the web may call. */
import { afterEach, expect, test } from "vitest";
import { originsFrom } from "./cors.ts";
import { BASE, testServer, type TestServer } from "./server-fixture.ts";

let server: TestServer | null = null;
afterEach(async () => {
  await server?.close();
  server = null;
});
const start = async (more: Parameters<typeof testServer>[0] = {}): Promise<TestServer> => (server = await testServer(more));

test("one principal has so many streams open and no more, until one of them ends", async () => {
  const { ask } = await start({ streamsPerPrincipalMax: 2 });
  const first = await ask("GET", "/api/v1/events");
  await ask("GET", "/api/v1/events");
  const third = await ask("GET", "/api/v1/events");
  expect(third.status).toBe(429);
  expect(third.headers.get("retry-after")).toBe("5");
  expect(await third.json()).toMatchObject({ code: "rate_limited", detail: expect.stringContaining("server.streamsPerPrincipalMax") });
  await first.body?.cancel();
  expect((await ask("GET", "/api/v1/events")).status).toBe(200);
});

test("a token makes so many requests and no more, is told how many are left, and does not use up those of another", async () => {
  const { ask, api } = await start({ requestsPerSecond: 2 });
  const { secret } = await api.tokens.create({ name: "one", roles: ["read"] });
  const { secret: other } = await api.tokens.create({ name: "two", roles: ["read"] });
  const list = (token: string): Promise<Response> => ask("GET", "/api/v1/jobs", { headers: { authorization: `Bearer ${token}` } });
  const answers = [];
  for (let n = 0; n < 20; n++) answers.push(await list(secret));
  expect(answers[0]?.headers.get("ratelimit-limit")).toBe("4");
  expect(answers[0]?.headers.get("ratelimit-remaining")).toBe("3");
  const refused = answers.find(({ status }) => status === 429) ?? expect.fail("never refused");
  expect(refused.headers.get("retry-after")).toBe("1");
  expect(await refused.json()).toMatchObject({ code: "rate_limited", detail: expect.stringContaining("server.requestsPerSecond") });
  expect((await list(other)).status).toBe(200);
  for (let n = 0; n < 20; n++) expect((await ask("GET", "/api/v1/jobs")).status).toBe(200);
});

test("a body that is too large or too deep, and a page that is too long, are refused", async () => {
  const { ask } = await start({ bodyBytesMax: 2_000 });
  const submit = async (body: string): Promise<number> => (await ask("POST", "/api/v1/jobs", { body })).status;
  expect(await submit(`{"name": "${"x".repeat(2_000)}"}`)).toBe(413);
  expect(await submit(`${"[".repeat(100)}${"]".repeat(100)}`)).toBe(413);
  for (const path of ["/api/v1/jobs?limit=501", "/api/v1/jobs/job_1/events?limit=1001", "/api/v1/jobs/job_1/logs?limitBytes=5000000"])
    expect((await ask("GET", path)).status).toBe(422);
});

test("the caller's request id is kept when it is one, in the answer, in the problem and in the log", async () => {
  const { ask, lines } = await start();
  const answer = await ask("GET", "/api/v1/jobs/job_1", { headers: { "x-request-id": "trace-1" } });
  expect(answer.headers.get("x-request-id")).toBe("trace-1");
  expect(await answer.json()).toMatchObject({ code: "not_found", requestId: "trace-1" });
  expect(JSON.stringify(lines)).toContain('"requestId":"trace-1"');
  expect((await ask("GET", "/healthz", { headers: { "x-request-id": "a b" } })).headers.get("x-request-id")).toMatch(/^req_/u);
});

const preflight = (app: TestServer["app"], origin: string): Promise<Response> =>
  app.fetch(new Request(`${BASE}/api/v1/jobs`, { method: "OPTIONS", headers: { origin, "access-control-request-method": "POST" } }));

test("no page of the web may call unless its origin is named", async () => {
  const { app, ask } = await start();
  expect((await preflight(app, "https://a.example")).status).toBe(405);
  const answer = await ask("GET", "/api/v1/jobs", { headers: { origin: "https://a.example" } });
  expect([...answer.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
});

test("an origin that is named may call, one that looks like it may not, and nobody with credentials", async () => {
  const { app, ask } = await start({ corsOrigins: ["https://a.example"] });
  const asked = await preflight(app, "https://a.example");
  expect(asked.status).toBe(204);
  expect(asked.headers.get("access-control-allow-origin")).toBe("https://a.example");
  expect(asked.headers.get("access-control-allow-methods")).toContain("POST");
  expect(asked.headers.get("vary")).toContain("origin");
  const refusal = await ask("GET", "/api/v1/jobs/job_1", { headers: { origin: "https://a.example" } });
  expect(refusal.headers.get("access-control-allow-origin")).toBe("https://a.example");
  for (const other of ["https://a.example.org", "http://a.example", "https://a.example:8443", "null"]) {
    const answer = await preflight(app, other);
    expect(answer.status).toBe(405);
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
    expect(answer.headers.get("vary")).toContain("origin");
  }
  expect(asked.headers.get("access-control-allow-credentials")).toBeNull();
});

test("origins are written exactly", () => {
  expect(originsFrom("")).toEqual([]);
  expect(originsFrom("https://a.example, http://localhost:5173")).toEqual(["https://a.example", "http://localhost:5173"]);
  for (const wrong of ["*", "https://a.example/", "https://*.a.example/x", "a.example", "null"])
    expect(() => originsFrom(wrong)).toThrow(/server\.corsOrigins/u);
});
