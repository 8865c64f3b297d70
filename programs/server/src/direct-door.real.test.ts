/** What goes straight from the socket to its operation is answered as by the framework, and only what says itself plainly goes so. */
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { listenNoting, type Noting } from "./direct-fixture.ts";
import type { Listening } from "./serve.ts";
import { stillClock, testServer, TOKEN, type TestServer } from "./server-fixture.ts";

let server: TestServer;
let listening: Listening;
let calls: Noting["calls"];
/** Of each request to the socket: whether it went straight. */
const straight = (): boolean[] => calls.map(({ isDirect }) => isDirect);

beforeEach(async () => {
  server = await testServer({ bodyBytesMax: 2_000, requestsPerSecond: 1 }, { clock: stillClock });
  ({ listening, calls } = await listenNoting(server.app));
});
afterEach(async () => {
  await listening.close();
  await server.close();
});

const JOB = { name: "noop", executor: "handler", spec: { handler: "noop" } } as const;
const usual = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };
const body = JSON.stringify(JOB);

interface Sent {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface Seen {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Without what differs from one answer to the next. */
async function seen(answer: Response): Promise<Seen> {
  const { date, connection, "keep-alive": kept, "x-request-id": requestId, ...headers } = Object.fromEntries(answer.headers);
  const text = (await answer.text()).replaceAll(/(job|req)_\w+|\d{4}-\d\d-\d\dT[\d:.]+Z/gu, "#").replaceAll(/127\.0\.0\.1:\d+/gu, "#");
  return {
    status: answer.status,
    headers: { ...headers, "x-request-id": requestId?.replace(/^req_\w+$/u, "#") ?? "none", "content-length": "#" },
    body: text,
  };
}

const asked = ({ path = "/api/v1/jobs", headers = usual, body: text = body }: Sent): [string, RequestInit] => [
  listening.url + path,
  { method: "POST", headers, body: text },
];
const overSocket = async (sent: Sent): Promise<Seen> => seen(await fetch(...asked(sent)));
const byFramework = async (sent: Sent): Promise<Seen> => {
  const request = new Request(...asked(sent));
  request.headers.set("content-length", String((sent.body ?? body).length));
  return seen(await server.app.fetch(request));
};

test.each<[what: string, sent: Sent, status: number]>([
  ["a job", {}, 201],
  ["many jobs", { path: "/api/v1/job-batches", body: JSON.stringify({ jobs: [JOB, { ...JOB, spec: {} }] }) }, 200],
  ["a request id of the caller", { headers: { ...usual, "x-request-id": "mine-1" } }, 201],
  ["no token", { headers: { "content-type": "application/json" } }, 401],
  ["a token that opens nothing", { headers: { ...usual, authorization: "Bearer 0123456789abcdef" } }, 401],
  ["a workspace that is not there", { headers: { ...usual, "windlass-workspace": "elsewhere" } }, 404],
  ["what is no JSON", { body: '{"name": ' }, 400],
  ["a form", { headers: { ...usual, "content-type": "text/plain" } }, 400],
  ["faults", { body: '{"name": "", "executor": "nobody", "more": 1}' }, 422],
  ["a body that is too large", { body: JSON.stringify({ ...JOB, input: "x".repeat(3_000) }) }, 413],
  ["a condition that means nothing here", { headers: { ...usual, "if-match": '"3"' } }, 400],
  [
    "two keys that are not the same",
    { headers: { ...usual, "idempotency-key": "a" }, body: JSON.stringify({ ...JOB, idempotencyKey: "b" }) },
    422,
  ],
])("%s: the answer is that of the framework", async (_what, sent, status) => {
  const answer = await overSocket(sent);
  expect(straight()).toEqual([true]);
  expect(answer.status).toBe(status);
  expect(answer).toEqual(await byFramework(sent));
});

test("a token is limited on both ways together", async () => {
  const { secret } = await server.api.tokens.create({ name: "narrow", permissions: ["jobs:submit"] });
  const headers = { ...usual, authorization: `Bearer ${secret}` };
  expect((await overSocket({ headers })).headers["ratelimit-remaining"]).toBe("1");
  expect((await byFramework({ headers })).headers["ratelimit-remaining"]).toBe("0");
  const refused = await overSocket({ headers });
  expect([refused.status, refused.headers["retry-after"]]).toEqual([429, "1"]);
  expect(straight()).toEqual([true, true]);
});

test("what changes something stands in the audit, and is counted", async () => {
  await overSocket({});
  await overSocket({ headers: { "content-type": "application/json" } });
  const { items } = await server.api.audit.list({});
  expect(items.map(({ operation, outcome }) => [operation, outcome])).toEqual([
    ["jobs.submit", "unauthorized"],
    ["jobs.submit", "ok"],
  ]);
  const metrics = await (await fetch(`${listening.url}/metrics`)).text();
  expect(metrics).toContain('windlass_http_requests_total{operation="jobs.submit",status="201"} 1');
  expect(metrics).toContain('windlass_http_requests_total{operation="jobs.submit",status="401"} 1');
  expect(metrics).toContain("windlass_http_requests_under_way 1");
});

const LENGTH = `content-length: ${body.length}`;
const AUTHORIZATION = `authorization: Bearer ${TOKEN}`;

test.each<[what: string, lines: readonly string[], status: number]>([
  ["two tokens", [AUTHORIZATION, "authorization: Bearer another", LENGTH], 401],
  ["a body in pieces", [AUTHORIZATION, "transfer-encoding: chunked"], 201],
  ["a body of ten megabytes", [AUTHORIZATION, "content-length: 10485760"], 413],
  ["a host of another name", [AUTHORIZATION, "host: [::1]:80", LENGTH], 201],
])("%s: goes by the framework", async (_what, lines, status) => {
  const isChunked = lines.some((line) => line.endsWith("chunked"));
  const host = lines.some((line) => line.startsWith("host")) ? [] : ["host: localhost"];
  const head = ["POST /api/v1/jobs HTTP/1.1", ...host, "connection: close", "content-type: application/json", ...lines];
  const text = isChunked ? `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n` : body;
  const socket = connect(listening.port, "127.0.0.1");
  socket.write(`${head.join("\r\n")}\r\n\r\n${text}`);
  let answer = "";
  for await (const piece of socket) answer += String(piece);
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `, "u"));
  expect(straight()).toEqual([false]);
});

test("a forged Host is refused on this way, too", async () => {
  const socket = connect(listening.port, "127.0.0.1");
  socket.write(
    `POST /api/v1/jobs HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n${AUTHORIZATION}\r\ncontent-type: application/json\r\n${LENGTH}\r\n\r\n${body}`,
  );
  let answer = "";
  for await (const piece of socket) answer += String(piece);
  expect(answer).toMatch(/^HTTP\/1\.1 403 .*"code":"host_unknown"/su);
  expect(straight()).toEqual([true]);
});

test("where pages of other origins may call, everything goes by the framework", async () => {
  await server.close();
  server = await testServer({ corsOrigins: ["https://jobs.example.org"] });
  await listening.close();
  ({ listening, calls } = await listenNoting(server.app));
  const answer = await fetch(...asked({ headers: { ...usual, origin: "https://jobs.example.org" } }));
  expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([201, "https://jobs.example.org"]);
});

describe("a caller", () => {
  const head = (lines: readonly string[]): string =>
    `${["POST /api/v1/jobs HTTP/1.1", "host: localhost", "content-type: application/json", ...lines].join("\r\n")}\r\n\r\n`;
  const underWay = async (): Promise<string | undefined> =>
    /windlass_http_requests_under_way (\d+)/u.exec(await (await fetch(`${listening.url}/metrics`)).text())?.[1];
  const outcomes = async (): Promise<readonly string[]> => (await server.api.audit.list({})).items.map(({ outcome }) => outcome);

  test.each([
    ["has sent everything", body, "ok"],
    ["has sent half of it", body.slice(0, 9), "bad_request"],
  ])("who %s and is gone before anybody reads it is answered all the same, to the end", async (_what, sent, outcome) => {
    const { secret } = await server.api.tokens.create({ name: "slow", permissions: ["jobs:submit"] });
    const before = (await outcomes()).length;
    const { tokens } = server.engine.access;
    const asked = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    const holderOf = tokens.holderOf.bind(tokens);
    vi.spyOn(tokens, "holderOf").mockImplementation(async (token) => {
      asked.resolve();
      await gone.promise;
      return holderOf(token);
    });
    const socket = connect(listening.port, "127.0.0.1");
    socket.write(head([`authorization: Bearer ${secret}`, LENGTH]) + sent);
    await asked.promise;
    socket.destroy();
    await vi.waitFor(() => expect(calls[0]?.incoming.destroyed).toBe(true));
    gone.resolve();
    vi.restoreAllMocks();
    await vi.waitFor(async () => expect((await outcomes()).length).toBe(before + 1));
    expect([(await outcomes())[0], await underWay()]).toEqual([outcome, "1"]);
  });

  test("whose body comes in two packets is answered as any other", async () => {
    const socket = connect(listening.port, "127.0.0.1");
    socket.write(head([AUTHORIZATION, "connection: close", LENGTH]) + body.slice(0, 9));
    await vi.waitFor(() => expect(calls[0]?.incoming.readableFlowing).toBe(true));
    socket.write(body.slice(9));
    let answer = "";
    for await (const piece of socket) answer += String(piece);
    expect(answer).toMatch(/^HTTP\/1\.1 201 /u);
    expect(straight()).toEqual([true]);
  });

  // An idle line is closed after half a minute.
  test("who was refused and sends nothing more is hung up on at once", { timeout: 25_000 }, async () => {
    const socket = connect(listening.port, "127.0.0.1");
    socket.write(head(["content-length: 4000000"]));
    let answer = "";
    for await (const piece of socket) answer += String(piece);
    expect(answer).toMatch(/^HTTP\/1\.1 401 /u);
    expect(straight()).toEqual([true]);
  });
});
