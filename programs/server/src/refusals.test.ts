/** What the server refuses, and how it says so. */
import { operationList } from "@windlass/contract";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BASE, testServer, TOKEN, type TestServer } from "./server-fixture.ts";

let server: TestServer;
beforeAll(async () => {
  server = await testServer({ bodyBytesMax: 10_000, hosts: ["jobs.example.org"] });
});
afterAll(() => server.close());

interface Problem {
  readonly code: string;
  readonly status: number;
  readonly detail: string;
  readonly requestId: string;
  readonly faults?: readonly { readonly path: string; readonly message: string; readonly line?: number; readonly column?: number }[];
}

async function problem(answer: Response): Promise<Problem> {
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  const body = (await answer.json()) as Problem;
  expect(body.status).toBe(answer.status);
  expect(body.requestId).toBe(answer.headers.get("x-request-id"));
  return body;
}

const bare = (path: string, init: RequestInit = {}): Promise<Response> => server.app.fetch(new Request(BASE + path, init));

test.each(operationList.filter((operation) => operation.permission !== null).map((operation) => [operation.id, operation] as const))(
  "%s needs the token",
  async (_, operation) => {
    const path = operation.path.replace(/\{\w+\}/gu, "x");
    expect((await problem(await bare(path, { method: operation.method }))).code).toBe("unauthorized");
    const wrong = await bare(path, { method: operation.method, headers: { authorization: `Bearer ${TOKEN}x` } });
    expect(wrong.headers.get("www-authenticate")).toContain("Bearer");
    expect((await problem(wrong)).code).toBe("unauthorized");
  },
);

test.each(["Basic abc", "Bearer", TOKEN, `bearer ${TOKEN} more`])("the header Authorization: %s is refused", async (authorization) => {
  expect((await problem(await server.ask("GET", "/api/v1/jobs", { headers: { authorization } }))).code).toBe("unauthorized");
});

test("every fault of path, query and body is told at once, with what is allowed and what is near", async () => {
  const body = {
    kind: "tusk",
    exekutor: "handler",
    spec: 3,
    priority: "high",
    retry: { limit: 1.5, on: ["fialed"] },
    notBefore: "tomorrow",
  };
  const { code, faults } = await problem(await server.ask("POST", "/api/v1/jobs", { body }));
  expect(code).toBe("invalid");
  const messages = Object.fromEntries((faults ?? []).map((fault) => [fault.path, fault.message]));
  expect(messages).toMatchObject({
    kind: expect.stringMatching(/kind is "tusk"; it must be one of .*task.*did you mean "task"/u),
    exekutor: expect.stringMatching(/there is no field "exekutor".*did you mean "executor"/u),
    executor: expect.stringMatching(/executor is missing; it must be one of .*process/u),
    name: "name is missing; it must be text",
    spec: expect.stringContaining("spec is 3"),
    priority: 'priority is "high"; it must be a number',
    "retry.limit": "retry.limit is 1.5; it must be a whole number",
    "retry.on[0]": expect.stringContaining('did you mean "failed"'),
    notBefore: expect.stringContaining("it must be a time like"),
  });
  expect(faults).toHaveLength(9);
});

test("parameters of a query are checked like a body", async () => {
  const { faults } = await problem(
    await server.ask("GET", "/api/v1/jobs?limit=1000&state=runing&rootsOnly=maybe&stat=x&kind=task&kind=step&label=nonsense"),
  );
  const messages = Object.fromEntries((faults ?? []).map((fault) => [fault.path, fault.message]));
  expect(messages).toMatchObject({
    limit: "limit is 1000; it must be at most 500",
    "state[0]": expect.stringContaining('did you mean "running"'),
    rootsOnly: 'rootsOnly is "maybe"; it must be true or false',
    stat: expect.stringContaining('did you mean "state"'),
    kind: expect.stringContaining("kind is "),
    label: expect.stringContaining("a label is written key=value"),
  });
});

test("a field that the client does not know either is refused, not left out", async () => {
  await server.api.secrets.set({ name: "db", value: "good" });
  const misspelt = { name: "db", worklfow: "report" };
  await expect(server.api.secrets.unset(misspelt)).rejects.toMatchObject({
    code: "invalid",
    faults: [{ path: "worklfow", message: expect.stringContaining('did you mean "workflow"') }],
  });
  expect((await server.api.secrets.list()).items).toMatchObject([{ name: "db" }]);
});

test("a fault of a body names the entry of a list", async () => {
  const jobs = [
    { name: "a", executor: "handler", spec: {} },
    { name: "b", executor: "handler", spec: {}, labls: {} },
  ];
  const { faults } = await problem(await server.ask("POST", "/api/v1/job-batches", { body: { jobs } }));
  expect(faults).toEqual([{ path: "jobs[1].labls", message: expect.stringContaining('did you mean "labels"') }]);
  const many = await server.ask("POST", "/api/v1/job-batches", { body: { jobs: [] } });
  expect((await problem(many)).faults?.[0]?.message).toBe("jobs has 0 entries; it must have at least 1");
});

const JOB = { name: "a", executor: "handler", spec: { handler: "a" } } as const;
const PROTO: unknown = JSON.parse('{"__proto__": "x"}');

test.each([
  ["/api/v1/jobs", { ...JOB, labels: PROTO }, "labels"],
  ["/api/v1/job-batches", { jobs: [JOB, { ...JOB, labels: PROTO }] }, "jobs[1].labels"],
  ["/api/v1/executions", { name: "report", input: PROTO, labels: PROTO }, "input"],
  ["/api/v1/schedules", { name: "yearly", cron: "0 0 1 1 *", job: JOB, labels: PROTO }, "labels"],
  ["/api/v1/webhooks", { name: "a", url: "https://hooks.example/x", filter: { labels: PROTO } }, "filter.labels"],
])("the one key that JavaScript would leave out of a map is refused: %s", async (path, body, map) => {
  const { code, faults } = await problem(await server.ask("POST", path, { body }));
  expect(code).toBe("invalid");
  expect(faults?.[0]).toMatchObject({ path: `${map}.__proto__`, message: expect.stringContaining("the key __proto__ is not allowed") });
});

test("all other keys are kept as they are, and in an input that one, too", async () => {
  const labels = { constructor: "a", prototype: "b", toString: "c" };
  const body = { ...JOB, labels, input: { ...labels, in: PROTO } };
  const { id } = (await (await server.ask("POST", "/api/v1/jobs", { body })).json()) as { readonly id: string };
  const told = (await (await server.ask("GET", `/api/v1/jobs/${id}`)).json()) as Readonly<Record<string, unknown>>;
  expect([JSON.stringify(told["labels"]), JSON.stringify(told["input"])]).toEqual([JSON.stringify(labels), JSON.stringify(body.input)]);
});

test.each([
  ['{"name": "x",\n  "spec": {,}', 2, 12],
  ['{"name": "x"', 1, 13],
  ["nonsense", 1, 2],
  ['{"name": "x",\n "spec": {"a": [1, 2, tru, 4]}, "executor": "handler", "kind": "task"}', 2, 26],
])("broken JSON %j is told with line and column", async (body, line, column) => {
  const { code, faults } = await problem(await server.ask("POST", "/api/v1/jobs", { body }));
  expect(code).toBe("bad_request");
  expect(faults).toEqual([expect.objectContaining({ line, column })]);
});

test("JSON under another type is refused: forms of other pages may send that", async () => {
  const { code, detail } = await problem(
    await server.ask("POST", "/api/v1/jobs", { body: "{}", headers: { "content-type": "text/plain" } }),
  );
  expect([code, detail]).toEqual(["bad_request", expect.stringContaining("content-type: application/json")]);
});

test("a body that is no UTF-8 is refused", async () => {
  const init = {
    method: "POST",
    body: new Uint8Array([0x22, 0xff, 0x22]),
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
  };
  expect((await problem(await bare("/api/v1/jobs", init))).code).toBe("bad_request");
});

test("what is too large is refused, announced or not", async () => {
  const big = JSON.stringify({ name: "x".repeat(20_000) });
  expect((await problem(await server.ask("POST", "/api/v1/jobs", { body: big }))).code).toBe("too_large");
  const stream = new Blob([big]).stream();
  const init = {
    method: "POST",
    body: stream,
    duplex: "half",
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
  } as RequestInit;
  expect((await problem(await bare("/api/v1/jobs", init))).status).toBe(413);
});

test("what is nested too deep is refused before anybody walks through it", async () => {
  const deep = `{"name":"x","executor":"handler","spec":${'{"a":'.repeat(1_000)}1${"}".repeat(1_000)}}`;
  expect((await problem(await server.ask("POST", "/api/v1/jobs", { body: deep }))).code).toBe("too_large");
});

test("an unknown address tells the nearest, a known one how it is asked", async () => {
  expect(await problem(await server.ask("GET", "/api/v1/job"))).toMatchObject({
    code: "route_not_found",
    status: 404,
    detail: expect.stringContaining('did you mean "/api/v1/jobs"'),
  });
  const answer = await server.ask("PUT", "/api/v1/jobs/job_1/cancel");
  expect(answer.headers.get("allow")).toBe("POST");
  expect(await problem(answer)).toMatchObject({ code: "method_not_allowed", status: 405, detail: expect.stringContaining("with POST") });
  expect((await server.ask("DELETE", "/api/v1/jobs")).headers.get("allow")).toBe("GET, HEAD, POST");
  expect((await server.ask("POST", "/healthz")).headers.get("allow")).toBe("GET, HEAD");
});

test("a body that is packed is refused for that, not for what its bytes look like", async () => {
  const answer = await server.ask("POST", "/api/v1/jobs", { body: "{}", headers: { "content-encoding": "gzip" } });
  expect(await problem(answer)).toMatchObject({ code: "bad_request", detail: expect.stringContaining("gzip") });
});

test("what nobody foresaw is logged whole and answered with its id alone", async () => {
  const { engine } = server;
  const broken = { ...engine, jobs: { ...engine.jobs, get: () => Promise.reject(new TypeError("password=hunter2")) } };
  const other = await testServer({ engine: broken });
  try {
    const answer = await other.ask("GET", "/api/v1/jobs/job_1");
    const text = await answer.clone().text();
    const { code, requestId } = await problem(answer);
    expect([answer.status, code]).toEqual([500, "internal"]);
    expect(text).not.toContain("hunter2");
    const logged = server.lines.find((line) => line.fields["requestId"] === requestId && line.level === "error");
    expect(logged?.fields["error"]).toBe("password=hunter2");
    expect(logged?.fields["stack"]).toContain("TypeError");
  } finally {
    await other.close();
  }
});

test.each([
  ["evil.example:4180", 403],
  ["localhost:4180", 200],
  ["127.0.0.1", 200],
  ["[::1]:4180", 200],
  ["JOBS.example.org", 200],
  ["localhost.evil.example", 403],
])("a request to the host %s is answered with %d", async (host, status) => {
  const answer = await bare("/healthz", { headers: { host } });
  expect(answer.status).toBe(status);
  if (status === 200) return;
  expect(await problem(answer)).toMatchObject({
    code: "host_unknown",
    title: "the request names, in its Host header, a host that this server is not known as",
    detail: expect.stringMatching(
      /"[^"]*evil\.example".*it answers to localhost, 127\.0\.0\.1, \[::1\], jobs\.example\.org: .*proxy.*--host/u,
    ),
  });
});

test("no answer invites other pages or lets browsers guess", async () => {
  const { headers } = await server.ask("GET", "/api/v1/jobs", { headers: { origin: "http://evil.example" } });
  expect(headers.get("access-control-allow-origin")).toBeNull();
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect(headers.get("content-security-policy")).toContain("default-src 'none'");
});

test("a closed server refuses, and says that it is about to stop", async () => {
  const other = await testServer();
  await other.app.close();
  const answer = await other.ask("GET", "/api/v1/jobs");
  expect(answer.headers.get("retry-after")).toBe("1");
  expect((await problem(answer)).code).toBe("shutting_down");
  await other.close();
});

test("what is a secret, or may hold one, is not repeated to whoever sent it wrongly", async () => {
  const secret = "hunter2-in-clear";
  const put = (body: unknown) => server.ask("PUT", "/api/v1/secrets/db", { body });
  for (const body of [
    { value: [secret] },
    { value: { text: secret } },
    { value: 271_828_182 },
    { value: null },
    [secret],
    JSON.stringify(secret),
  ]) {
    const answer = await problem(await put(body));
    expect(answer.code).toMatch(/invalid|bad_request/u);
    expect(JSON.stringify(answer)).not.toMatch(/hunter2|271828/u);
  }
  expect((await problem(await put({ value: [secret] }))).faults).toEqual([
    { path: "value", message: "value is a list (not repeated: it may be a secret); it must be text" },
  ]);
  const { faults } = await problem(await put({ value: "good", workflow: "NO" }));
  expect(faults?.[0]?.message).toContain('"NO"');
});
