/** What a worker of another make may send: whatever it is, it is answered with what was wrong, and harms nobody else. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { WORKER_FRAME_BYTES_MAX, WORKERS_PATH } from "@windlass/contract";
import { queueKeyOf } from "@windlass/kernel";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { listen, type Listening } from "./serve.ts";
import { clock, testServer, TOKEN, type TestServer } from "./server-fixture.ts";

let server: TestServer;
let listening: Listening;
const open: WebSocket[] = [];

beforeEach(async () => {
  server = await testServer();
  listening = await listen(server.app, { host: "127.0.0.1", port: 0, clock, drainMs: 500 });
});
afterEach(async () => {
  for (const socket of open.splice(0)) socket.terminate();
  await listening.close();
  await server.close();
  const errors = server.lines.filter(({ level }) => level === "error");
  if (errors.length > 0) throw new Error(`the server found errors of its own: ${JSON.stringify(errors)}`);
});

interface Said {
  readonly type: string;
  readonly code?: string;
  readonly message?: string;
  readonly jobs?: readonly { readonly id: string; readonly token: number; readonly attempt: number }[];
  readonly stored?: readonly number[];
  readonly refused?: readonly { readonly n: number; readonly code: string }[];
  readonly session?: string;
  readonly resumed?: boolean;
  readonly ids?: readonly string[];
}

interface Raw {
  readonly said: Said[];
  readonly closed: Promise<number>;
  /** Sends text as it is. */
  send(text: string | Buffer): void;
  /** Sends messages as the next frame. */
  say(...messages: object[]): void;
  heard(type: string): Promise<Said>;
  leave(): void;
  ping(text: string): void;
  /** From now on nothing is taken from the line. */
  stopReading(): void;
  /** Resolves when everything has left this end. */
  sent(): Promise<void>;
  onCut(told: () => void): void;
}

/** Beneath the WebSocket. */
const connection = (socket: WebSocket): Socket => (socket as unknown as { readonly _socket: Socket })._socket;

async function raw(token = TOKEN): Promise<Raw> {
  const url = `${listening.url.replace("http", "ws")}${WORKERS_PATH}`;
  const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` } });
  open.push(socket);
  const said: Said[] = [];
  socket.on("message", (data) => said.push(...(JSON.parse((data as Buffer).toString()) as { messages: Said[] }).messages));
  socket.on("error", () => {});
  const closed = new Promise<number>((resolve) => socket.on("close", resolve));
  await once(socket, "open");
  let seq = 0;
  return {
    said,
    closed,
    send: (text) => socket.send(text),
    say: (...messages) => socket.send(JSON.stringify({ seq: ++seq, messages })),
    heard: (type) => vi.waitFor(() => said.find((message) => message.type === type) ?? Promise.reject(new Error(`no ${type}`))),
    leave: () => socket.terminate(),
    ping: (text) => socket.ping(text),
    stopReading: () => socket.pause(),
    sent: () => new Promise((resolve) => socket.ping("", true, () => resolve())),
    onCut: (told) => connection(socket).once("error", told),
  };
}

/** Items about a job that nobody has. */
const strangers = Array.from({ length: 10_000 }, (_, n) => ({
  ...{ n, what: "progress", id: "job_of_somebody", token: 1, attempt: 1, fraction: null, text: null },
}));

const hello = { type: "hello", protocol: 1, session: null, queues: ["default"], handlers: ["work"], ttlMs: 60_000 };
const greeted = async (more: object = {}): Promise<Raw> => {
  const one = await raw();
  one.say({ ...hello, ...more });
  await one.heard("welcome");
  return one;
};
const submit = async (): Promise<string> =>
  (await server.engine.jobs.submit({ kind: "task", name: "work", spec: { handler: "work" }, executor: "handler" })).id;
const succeeded = { type: "settle", result: { outcome: "succeeded", reason: "ok", message: null, output: null }, stopped: false };

function named(queues: number, handlers: number, length: number) {
  const names = (count: number): string[] => Array.from({ length: count }, (_, n) => `n${n}`);
  return { queues: names(queues), handlers: names(handlers).map((name) => name.padEnd(length, "-")) };
}

test.each([
  ["no JSON", "}{", "bad_request", /JSON/u],
  ["no frame", "[1]", "bad_request", /a frame must be an object with seq and messages/u],
  ["a number out of order", '{"seq":2,"messages":[]}', "bad_request", /has the number 2; the next one must be 1/u],
  ["bytes", Buffer.from("{}"), "bad_request", /text, not bytes/u],
  ["an unknown message", '{"seq":1,"messages":[{"type":"hullo"}]}', "invalid", /hello, credit, items|type/u],
  ["something before its hello", '{"seq":1,"messages":[{"type":"beat","n":1}]}', "bad_request", /after the welcome/u],
  ["another version", JSON.stringify({ seq: 1, messages: [{ ...hello, protocol: 9 }] }), "bad_request", /version 9 .* this server 1/u],
  ["no name of a queue", JSON.stringify({ seq: 1, messages: [{ ...hello, queues: ["A b"] }] }), "invalid", /"A b" is no name of a queue/u],
  [
    "a time out of bounds",
    JSON.stringify({ seq: 1, messages: [{ ...hello, ttlMs: 1 }] }),
    "invalid",
    /ttlMs is 1; it must be at least 1000/u,
  ],
  [
    "more names than are kept of a worker",
    JSON.stringify({ seq: 1, messages: [{ ...hello, ...named(32, 200, 256) }] }),
    "invalid",
    /^handlers is too long: .* 200 handlers have 51200 characters, in 32 queues 1638400; at most 131072 are kept/u,
  ],
  ["a field too many", JSON.stringify({ seq: 1, messages: [{ ...hello, quues: [] }] }), "invalid", /no field "quues"/u],
] as const)("%s is answered with what was wrong, and the end of the connection", async (_, text, ...expected) => {
  const [code, message] = expected;
  const one = await raw();
  one.send(text);
  expect(await one.heard("fault")).toMatchObject({ code, message: expect.stringMatching(message as RegExp) as string });
  expect(await one.closed).toBe(4000);
  (await greeted()).leave();
});

test("a frame that is too large ends the connection and nothing else", async () => {
  const [one, other] = [await greeted(), await greeted()];
  one.send("x".repeat(WORKER_FRAME_BYTES_MAX + 1));
  expect(await one.closed).toBe(1009);
  other.say({ type: "beat", n: 1 });
  await other.heard("alive");
});

test.each([
  ["items", (one: Raw) => one.say({ type: "items", items: strangers })],
  ["pings", (one: Raw) => Array.from({ length: 20_000 }, () => one.ping("x".repeat(125)))],
] as const)("who sends %s and reads no answer is cut off", async (_, send) => {
  const one = await greeted();
  one.stopReading();
  const gone = new Promise<void>((resolve) => one.onCut(resolve));
  let isGone = false;
  void gone.then(() => (isGone = true));
  // How much a system holds before anything waits is its own affair.
  while (!isGone) {
    send(one);
    await one.sent();
  }
  await gone;
  expect(await (await greeted()).heard("welcome")).toMatchObject({ resumed: false });
});

test("nothing is pushed without credit, and no more than that", async () => {
  const one = await greeted();
  for (let n = 0; n < 5; n++) await submit();
  one.say({ type: "credit", jobs: 2, slots: 2 });
  expect((await one.heard("jobs")).jobs).toHaveLength(2);
  one.say({ type: "beat", n: 1 });
  await one.heard("alive");
  expect(one.said.filter(({ type }) => type === "jobs")).toHaveLength(1);
});

test("an end counts once, in whatever order and however often it comes, also over a later connection", async () => {
  const one = await greeted();
  const id = await submit();
  one.say({ type: "credit", jobs: 1, slots: 1 });
  const { token = 0, attempt = 0 } = (await one.heard("jobs")).jobs?.[0] ?? {};
  const end = (n: number, more: object = {}) => ({ n, what: "end", id, token, attempt, end: succeeded, ...more });
  one.say({ type: "items", items: [end(3), end(2), end(3), end(4, { token: token + 1 })] });
  await vi.waitFor(() => expect(one.said.flatMap((said) => [...(said.stored ?? []), ...(said.refused ?? [])])).toHaveLength(4));
  expect(one.said.flatMap((said) => said.stored ?? [])).toEqual([3]);
  const { session } = await one.heard("welcome");
  one.leave();
  const again = await greeted({ session });
  expect((await again.heard("welcome")).resumed).toBe(true);
  again.say({ type: "items", items: [end(3)] });
  await vi.waitFor(() => expect(again.said.flatMap((said) => said.refused ?? [])).toMatchObject([{ n: 3, code: "job_finished" }]));
  expect((await server.engine.jobs.get(id)).final).toMatchObject({ state: "succeeded", attempts: 1 });
});

test("what a session holds and its worker does not know of is asked about, and given back", async () => {
  const one = await greeted();
  const id = await submit();
  one.say({ type: "credit", jobs: 1, slots: 1 });
  await one.heard("jobs");
  const { session } = await one.heard("welcome");
  one.leave();
  const again = await greeted({ session });
  again.say({ type: "unknown", question: 0, ids: [id] });
  expect((await again.heard("ask")).ids).toEqual([id]);
  again.say({ type: "unknown", question: 1, ids: [id] });
  await vi.waitFor(async () => expect((await server.engine.jobs.get(id)).live).toMatchObject({ state: "queued", attempt: 0 }));
});

test("what is on its way to a worker that says goodbye has not begun: it is given back; what the worker has ended counts", async () => {
  const one = await greeted();
  const [ended, late] = [await submit(), await submit()];
  one.say({ type: "credit", jobs: 2, slots: 2 });
  await vi.waitFor(() => expect(one.said.flatMap(({ jobs = [] }) => jobs)).toHaveLength(2));
  const { token = 0, attempt = 0 } = one.said.flatMap(({ jobs = [] }) => jobs).find(({ id }) => id === ended) ?? {};
  // Said before the second one came, for all that the server knows.
  one.say({ type: "items", items: [{ n: 1, what: "end", id: ended, token, attempt, end: succeeded }] }, { type: "bye" });
  expect(await one.closed).toBe(1000);
  expect((await server.engine.jobs.get(ended)).final).toMatchObject({ state: "succeeded", attempts: 1 });
  expect((await server.engine.jobs.get(late)).live).toMatchObject({ state: "queued", attempt: 0 });
});

test("a session has one connection: the newer one has it, and the older one is ended", async () => {
  const one = await greeted();
  const { session } = await one.heard("welcome");
  const other = await greeted({ session });
  expect(await one.closed).toBe(4002);
  expect(await other.heard("welcome")).toMatchObject({ session, resumed: true });
});

test("a session that is not there, or serves something else, is not gone on with", async () => {
  const one = await greeted();
  const { session } = await one.heard("welcome");
  expect(await (await greeted({ session: "ses_gone" })).heard("welcome")).toMatchObject({ resumed: false });
  expect(await (await greeted({ session, queues: ["other"] })).heard("welcome")).toMatchObject({ resumed: false });
});

test("another token neither goes on with a session nor ends an attempt that it holds, however much it knows of it", async () => {
  const tokens = await Promise.all(["a", "b"].map((name) => server.api.tokens.create({ name, roles: ["worker"] })));
  const [a, b] = await Promise.all(tokens.map(({ secret }) => raw(secret)));
  if (a === undefined || b === undefined) throw new Error("two workers");
  a.say(hello);
  const { session } = await a.heard("welcome");
  a.say({ type: "credit", jobs: 1, slots: 1 });
  b.say({ ...hello, session });
  const other = await b.heard("welcome");
  expect([other.resumed, other.session === session]).toEqual([false, false]);
  const id = await submit();
  const { token = 0, attempt = 0 } = (await a.heard("jobs")).jobs?.[0] ?? {};
  const ends = [succeeded, { type: "release" }, { type: "lose", message: "" }].map((end, n) => ({
    n,
    what: "end",
    id,
    token,
    attempt,
    end,
  }));
  b.say({ type: "items", items: ends });
  await vi.waitFor(() => expect(b.said.flatMap((said) => said.refused ?? [])).toHaveLength(3));
  expect(b.said.flatMap((said) => said.refused ?? []).map(({ code }) => code)).toEqual(Array(3).fill("token_stale"));
  expect((await server.engine.jobs.get(id)).live).toMatchObject({ state: "running", session, token });
  a.say({ type: "items", items: [{ ...ends[0], n: 9 }] });
  await vi.waitFor(async () => expect((await server.engine.jobs.get(id)).final).toMatchObject({ state: "succeeded" }));
});

test("nobody ends what waits in a queue by the fencing token that comes next", async () => {
  const [one, id] = [await greeted(), await submit()];
  one.say({ type: "items", items: [{ n: 1, what: "end", id, token: 1, attempt: 1, end: succeeded }] });
  await vi.waitFor(() => expect(one.said.flatMap((said) => said.refused ?? [])).toMatchObject([{ n: 1, code: "token_stale" }]));
  expect((await server.engine.jobs.get(id)).state).toBe("queued");
});

test("the end of an attempt of an earlier session is taken from the same token", async () => {
  const one = await greeted();
  const id = await submit();
  one.say({ type: "credit", jobs: 1, slots: 1 });
  const { token = 0, attempt = 0 } = (await one.heard("jobs")).jobs?.[0] ?? {};
  one.leave();
  const again = await greeted({ queues: ["other"] });
  again.say({ type: "items", items: [{ n: 1, what: "end", id, token, attempt, end: succeeded }] });
  await vi.waitFor(() => expect(again.said.flatMap((said) => said.stored ?? [])).toEqual([1]));
  expect((await server.engine.jobs.get(id)).state).toBe("succeeded");
});

test("what it may not tell of, or nobody could store, is not stored", async () => {
  const one = await greeted();
  const id = await submit();
  one.say({ type: "credit", jobs: 1, slots: 1 });
  const { token = 0, attempt = 0 } = (await one.heard("jobs")).jobs?.[0] ?? {};
  let deep: unknown = "x";
  for (let n = 0; n < 1_000; n++) deep = [deep];
  const stranger = { n: 1, what: "log", id: "job_of_somebody", token: 1, attempt: 1, lines: [[0, "mine now"]] };
  one.say({ type: "items", items: [stranger] });
  await vi.waitFor(() => expect(one.said.flatMap((said) => said.refused ?? [])).toMatchObject([{ n: 1, code: "token_stale" }]));
  const end = { ...succeeded, result: { ...succeeded.result, output: deep } };
  one.say({ type: "items", items: [{ n: 2, what: "end", id, token, attempt, end }] });
  await vi.waitFor(async () =>
    expect((await server.engine.jobs.get(id)).final).toMatchObject({ state: "failed", reason: "output_invalid" }),
  );
});

test("a line of a log is kept whatever the clock of its worker says", async () => {
  const one = await greeted();
  const id = await submit();
  one.say({ type: "credit", jobs: 1, slots: 1 });
  const { token = 0, attempt = 0 } = (await one.heard("jobs")).jobs?.[0] ?? {};
  const times = [1_796_000_000_000.5, -1, 1e300, 1_796_000_000_001];
  one.say({ type: "items", items: [{ n: 1, what: "log", id, token, attempt, lines: times.map((at, i) => [at, `line ${i}`]) }] });
  await one.heard("acks");
  const answer = await server.ask("GET", `/api/v1/jobs/${id}/logs`);
  const { chunks } = (await answer.json()) as { readonly chunks: readonly { readonly text: string }[] };
  expect(chunks.map(({ text }) => text).join("")).toBe("line 0\nline 1\nline 2\nline 3\n");
});

test("a worker ends no job that is not for workers", async () => {
  const { store } = server.engine.context;
  const { id } = await server.engine.jobs.submit({ kind: "task", name: "x", spec: { handler: "none" }, executor: "process" });
  const [session, now] = ["ses_of_a_launcher", Date.now()];
  await store.sessions.open({ id: session, role: "launcher", place: null, serves: [], startedAt: now, expiresAt: now + 60_000 });
  const queues = [queueKeyOf("default", "default")];
  const { jobs } = await store.jobs.claim({ executor: "process", queues, session, place: null, limit: 1, ahead: 0, now });
  const { token = 0, attempt = 0 } = jobs[0]?.live ?? {};
  const one = await greeted();
  one.say({ type: "items", items: [{ n: 1, what: "end", id, token, attempt, end: succeeded }] });
  await vi.waitFor(() => expect(one.said.flatMap((said) => said.refused ?? [])).toMatchObject([{ n: 1, code: "token_stale" }]));
  expect((await server.engine.jobs.get(id)).live).toMatchObject({ attempt: 1 });
});

test("a worker whose token was revoked gets no more jobs, also when it never reports", async () => {
  const { secret } = await server.api.tokens.create({ name: "worker", roles: ["worker"] });
  const one = await raw(secret);
  one.say({ ...hello, ttlMs: 300_000 });
  await one.heard("welcome");
  await server.api.tokens.revoke({ id: "worker" });
  expect(await one.heard("fault")).toMatchObject({ code: "unauthorized", message: expect.stringContaining("was revoked") as string });
  expect(await one.closed).toBe(4000);
});

test("a plain request to the address is told what it is for; other addresses take no workers", async () => {
  const answer = await server.ask("GET", WORKERS_PATH);
  expect([answer.status, ((await answer.json()) as Said).code]).toEqual([400, "bad_request"]);
  const socket = new WebSocket(`${listening.url.replace("http", "ws")}/api/v1/jobs`, { headers: { authorization: `Bearer ${TOKEN}` } });
  const [, refusal] = (await once(socket, "unexpected-response")) as [unknown, { statusCode: number }];
  expect(refusal.statusCode).toBe(404);
});

test("explain says truthfully that a worker elsewhere serves the queue, or knows no such handler", async () => {
  const { id } = await server.engine.jobs.submit({ kind: "task", name: "x", spec: { handler: "wrok" }, executor: "handler", queue: "far" });
  expect(await server.api.jobs.explain({ id })).toMatchObject({ causes: [{ reason: "no_worker" }] });
  const one = await greeted({ queues: ["far"] });
  expect(await server.api.jobs.explain({ id })).toMatchObject({ causes: [{ reason: "handler_unknown" }] });
  one.say({ type: "bye" });
  expect(await one.closed).toBe(1000);
  expect(await server.api.jobs.explain({ id })).toMatchObject({ causes: [{ reason: "no_worker" }] });
});
