/** How often workers may connect, how fast they are heard, and what they may say of themselves, over real sockets. */
import { once } from "node:events";
import { WORKER_CLOSE, WORKER_CONNECTIONS_PER_TOKEN_MAX, WORKER_SESSIONS_PER_TOKEN_MAX, WORKERS_PATH } from "@windlass/contract";
import type { EngineOptions } from "@windlass/engine";
import { openSqliteStore } from "@windlass/sqlite";
import { afterEach, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { listen, type Listening } from "./serve.ts";
import type { ServerParts } from "./server-parts.ts";
import { clock, stillClock, testServer, TOKEN, type TestServer } from "./server-fixture.ts";

let server: TestServer;
let listening: Listening;
const open: WebSocket[] = [];

async function serving(parts: Partial<ServerParts>, ports: Partial<EngineOptions> = {}): Promise<string> {
  server = await testServer(parts, ports);
  listening = await listen(server.app, { host: "127.0.0.1", port: 0, clock, drainMs: 500 });
  return (await server.api.tokens.create({ name: "worker", roles: ["worker"] })).secret;
}
afterEach(async () => {
  for (const socket of open.splice(0)) socket.terminate();
  await listening.close();
  await server.close();
});

/** Of a megabyte each: more than may wait to be stored, with what lies on the way. */
const ENDS = 90;

interface Said {
  readonly type: string;
  readonly code?: string;
  readonly jobs?: readonly { readonly id: string; readonly token: number; readonly attempt: number }[];
  readonly stored?: readonly number[];
  readonly refused?: readonly object[];
}

/** A worker that has its welcome. */
async function greeted(secret: string, headers: Readonly<Record<string, string>> = {}) {
  const socket = connect(secret, headers);
  const said: Said[] = [];
  socket.on("message", (data) => said.push(...(JSON.parse((data as Buffer).toString()) as { messages: Said[] }).messages));
  await once(socket, "open");
  let seq = 0;
  const say = (...messages: object[]): void => socket.send(JSON.stringify({ seq: ++seq, messages }));
  const heard = (is: (one: Said) => boolean): Promise<Said> =>
    vi.waitFor(() => said.find(is) ?? Promise.reject(new Error("it was not said")));
  say({ type: "hello", protocol: 1, session: null, queues: ["default"], handlers: ["work"], ttlMs: 60_000 });
  await heard(({ type }) => type === "welcome");
  const closed = new Promise<number>((resolve) => socket.once("close", resolve));
  return { said, say, heard, closed };
}

function connect(secret: string, headers: Readonly<Record<string, string>> = {}): WebSocket {
  const url = `${listening.url.replace("http", "ws")}${WORKERS_PATH}`;
  const socket = new WebSocket(url, { headers: { ...headers, authorization: `Bearer ${secret}` } });
  socket.on("error", () => {});
  open.push(socket);
  return socket;
}

test("to connect counts as a request of the token: beyond its limit it is refused with 429", async () => {
  const secret = await serving({ requestsPerSecond: 1 }, { clock: stillClock });
  for (let n = 0; n < 2; n++) await once(connect(secret), "open");
  const [, refusal] = (await once(connect(secret), "unexpected-response")) as [unknown, { statusCode: number; headers: object }];
  expect(refusal).toMatchObject({ statusCode: 429, headers: { "retry-after": "1" } });
});

test("of those that ask at once with one token no more are let in than it may have, and those of another token are", async () => {
  const secret = await serving({});
  const first = listening;
  const { workers } = server.app;
  const count = WORKER_CONNECTIONS_PER_TOKEN_MAX + 2;
  const held: (() => void)[] = [];
  let isHeld = true;
  // They are all looked at in the same turn.
  const upgrade: typeof workers.upgrade = (...given) => {
    const ask = (): void => workers.upgrade(...given);
    if (!isHeld) return ask();
    isHeld = held.push(ask) < count;
    if (!isHeld) for (const one of held) one();
  };
  listening = await listen({ ...server.app, workers: { ...workers, upgrade } }, { host: "127.0.0.1", port: 0, clock, drainMs: 500 });
  const came = await Promise.all(Array.from({ length: count }, () => cameOf(connect(secret))));
  expect(came.filter((status) => status !== 101)).toEqual([503, 503]);
  expect(workers.connections).toBe(WORKER_CONNECTIONS_PER_TOKEN_MAX);
  expect(await cameOf(connect(TOKEN))).toBe(101);
  await first.close();
});

/** What it was answered with. */
function cameOf(socket: WebSocket): Promise<number | undefined> {
  return new Promise((resolve) => {
    socket.once("open", () => resolve(101));
    socket.once("unexpected-response", (_, { statusCode }) => resolve(statusCode));
  });
}

test("a worker that says goodbye twice gives back once what is on its way to it, and leaves once", async () => {
  const secret = await serving({});
  const { id } = await server.engine.jobs.submit({ kind: "task", name: "work", spec: { handler: "work" }, executor: "handler" });
  const one = await greeted(secret);
  one.say({ type: "credit", jobs: 1, slots: 1 });
  await one.heard(({ type }) => type === "jobs");
  const { store } = server.engine.context;
  using looked = vi.spyOn(store.jobs, "live");
  using changed = vi.spyOn(store.jobs, "commit");
  using closed = vi.spyOn(store.sessions, "close");
  one.say({ type: "bye" }, { type: "bye" });
  one.say({ type: "bye" });
  expect(await one.closed).toBe(1000);
  expect((await server.engine.jobs.get(id)).live).toMatchObject({ state: "queued", attempt: 0 });
  const ofSession = looked.mock.calls.filter(([filter]) => "session" in filter && filter.session !== undefined);
  const changes = changed.mock.calls.flatMap(([given]) => given).filter((change) => "id" in change && change.id === id);
  expect([ofSession.length, changes.length, closed.mock.calls.length]).toEqual([1, 1, 1]);
});

test("of where a worker says that it runs only what can be read is kept, and no more than there is room for", async () => {
  const secret = await serving({});
  await greeted(secret, { "windlass-host": `a\u009B2J\tb\u00E9 (process 1)${"x".repeat(300)}` });
  await greeted(secret, { "windlass-host": "\u009B" });
  const { items } = await server.api.workers.list();
  const hosts = items.filter(({ token }) => token === "worker").map(({ host }) => host);
  expect(new Set(hosts)).toEqual(new Set([`a2Jb (process 1)${"x".repeat(184)}`, null]));
});

const each = Array.from({ length: 300 }, (_, n) => n + 1);
const beat = (socket: WebSocket, n: number): void => socket.send(JSON.stringify({ seq: n + 1, messages: [{ type: "beat", n }] }));

test.each<readonly [string, (socket: WebSocket) => void, number]>([
  ["frames", (socket) => each.forEach((n) => beat(socket, n)), 300],
  ["pongs", (socket) => [...each.map(() => socket.pong()), beat(socket, 1)], 1],
])("%s that come too fast are all heard, and the next frame only when time has made up for them", async (_, send, last) => {
  const secret = await serving({ framesPerSecond: 100 });
  const socket = connect(secret);
  await once(socket, "open");
  const alive = (wanted: number): Promise<void> =>
    new Promise((resolve) => {
      socket.on("message", (data) => {
        const { messages } = JSON.parse((data as Buffer).toString()) as { messages: { type: string; n?: number }[] };
        if (messages.some(({ type, n }) => type === "alive" && n === wanted)) resolve();
      });
    });
  const welcome = once(socket, "message");
  const hello = { type: "hello", protocol: 1, session: null, queues: ["default"], handlers: [], ttlMs: 60_000 };
  socket.send(JSON.stringify({ seq: 1, messages: [hello] }));
  await welcome;
  const sentAt = performance.now();
  const all = alive(last);
  send(socket);
  await all;
  const next = alive(last + 1);
  beat(socket, last + 1);
  await next;
  // 200 are the burst; the others come in at 100 a second.
  expect(performance.now() - sentAt).toBeGreaterThan(900);
  expect(server.lines.filter(({ level }) => level === "error")).toEqual([]);
});

test("while the store has not taken what a worker told, and that is much, nothing more is read of it; then everything counts", async () => {
  const store = await openSqliteStore({ path: ":memory:", clock });
  const opened = Promise.withResolvers<void>();
  let isShut = false;
  const commit = (...call: Parameters<typeof store.jobs.commit>) => store.jobs.commit(...call);
  const slow = {
    ...store,
    jobs: {
      ...store.jobs,
      commit: (...call: Parameters<typeof commit>) => (isShut ? opened.promise.then(() => commit(...call)) : commit(...call)),
    },
  };
  const secret = await serving({}, { store: slow });
  for (let n = 0; n < ENDS; n++)
    await server.engine.jobs.submit({ kind: "task", name: "work", spec: { handler: "work" }, executor: "handler" });
  const [one, other] = [await greeted(secret), await greeted(secret)];
  one.say({ type: "credit", jobs: ENDS, slots: ENDS });
  await vi.waitFor(() => expect(one.said.flatMap(({ jobs = [] }) => jobs)).toHaveLength(ENDS));
  const jobs = one.said.flatMap((said) => said.jobs ?? []);
  isShut = true;
  using pause = vi.spyOn(WebSocket.prototype, "pause");
  const result = { outcome: "succeeded", reason: "ok", message: null, output: "x".repeat(1_000_000) };
  const end = { type: "settle", result, stopped: false };
  for (const [n, { id, token, attempt }] of jobs.entries())
    one.say({ type: "items", items: [{ n, what: "end", id, token, attempt, end }] });
  one.say({ type: "beat", n: 1 });
  await vi.waitFor(() => expect(pause).toHaveBeenCalled());
  other.say({ type: "beat", n: 1 });
  await other.heard(({ type }) => type === "alive");
  expect(one.said.filter(({ type }) => type === "alive" || type === "acks")).toEqual([]);
  opened.resolve();
  await one.heard(({ type }) => type === "alive");
  await vi.waitFor(() => expect(one.said.flatMap(({ stored = [] }) => stored)).toHaveLength(ENDS));
  for (const { id } of jobs) expect((await server.engine.jobs.get(id)).state).toBe("succeeded");
  await store.close();
});

test("of an attempt one change of a kind is on its way to the store: of many tellings of its progress the last counts, and one end", async () => {
  const secret = await serving({});
  const { id } = await server.engine.jobs.submit({ kind: "task", name: "work", spec: { handler: "work" }, executor: "handler" });
  using committed = vi.spyOn(server.engine.context.store.jobs, "commit");
  const one = await greeted(secret);
  one.say({ type: "credit", jobs: 1, slots: 1 });
  const { token = 0, attempt = 0 } = (await one.heard(({ type }) => type === "jobs")).jobs?.[0] ?? {};
  const of = { id, token, attempt };
  const told = Array.from({ length: 1_000 }, (_, n) => ({ n, what: "progress", ...of, fraction: n / 1_000, text: null }));
  const end = { type: "settle", result: { outcome: "succeeded", reason: "ok", message: null }, stopped: false };
  const ends = [2_000, 2_001].map((n) => ({ n, what: "end", ...of, end }));
  const tokens = [3_000, 3_001].map((n) => ({ n, what: "expect", ...of, tokenHash: `hash-${n}` }));
  one.say({ type: "items", items: [...told, ...tokens, ...ends] });
  const answers = (): number[] => one.said.flatMap(({ stored = [] }) => stored);
  await vi.waitFor(() => expect(new Set(answers())).toEqual(new Set([...told.map(({ n }) => n), 2_000, 3_000])));
  expect(one.said.flatMap(({ refused = [] }) => refused)).toMatchObject([
    { n: 3_001, code: "conflict" },
    { n: 2_001, code: "conflict" },
  ]);
  const changes = committed.mock.calls.flatMap(([given]) => given).filter((change) => "id" in change && change.id === id);
  expect(changes.map(({ type }) => type)).toEqual(["progress", "expect", "progress", "settle"]);
  expect((await server.engine.jobs.get(id)).final).toMatchObject({ state: "succeeded", progress: { fraction: 0.999 } });
});

test("a worker that is let in while the server closes is refused, and holds nothing up", async () => {
  const secret = await serving({});
  const { workers } = server.app;
  const first = listening;
  const closed: Promise<void>[] = [];
  const upgrade: typeof workers.upgrade = (...given) => {
    workers.upgrade(...given);
    closed.push(listening.close());
  };
  const app = { ...server.app, workers: { ...workers, upgrade } };
  listening = await listen(app, { host: "127.0.0.1", port: 0, clock, drainMs: 500 });
  const socket = connect(secret);
  expect(await cameOf(socket)).toBe(503);
  await Promise.all([...closed, first.close()]);
  expect(workers.connections).toBe(0);
});

test("however much comes in one frame, the store is asked one thing of a kind at a time, and everything is answered", async () => {
  const store = await openSqliteStore({ path: ":memory:", clock });
  const asked = { beats: 0, lookUps: 0 };
  const beat: typeof store.sessions.beat = (...call) => {
    asked.beats++;
    return store.sessions.beat(...call);
  };
  const records: typeof store.jobs.records = (...call) => {
    asked.lookUps++;
    return store.jobs.records(...call);
  };
  const counted = { ...store, sessions: { ...store.sessions, beat }, jobs: { ...store.jobs, records } };
  const secret = await serving({}, { store: counted });
  const one = await greeted(secret);
  const before = { ...asked };
  const result = { outcome: "succeeded", reason: "ok", message: null };
  const end = { what: "end", id: "job_of_somebody", token: 1, attempt: 1, end: { type: "settle", result, stopped: false } };
  const each = Array.from({ length: 900 }, (_, n) => n);
  one.say(
    ...each.flatMap((n) => [
      { type: "beat", n },
      { type: "items", items: [{ n, ...end }] },
    ]),
  );
  await vi.waitFor(() => expect(one.said.flatMap(({ refused = [] }) => refused)).toHaveLength(each.length));
  await vi.waitFor(() => expect(one.said.filter(({ type }) => type === "alive")).toHaveLength(each.length));
  expect([asked.beats - before.beats, asked.lookUps - before.lookUps]).toEqual([2, 2]);
  one.say(...Array.from({ length: 5_000 }, (_, n) => ({ type: "beat", n })));
  expect(await one.heard(({ type }) => type === "fault")).toMatchObject({ code: "rate_limited" });
  await store.close();
});

test("who leaves more sessions behind than a token may have is refused until they have run out, and goes on with those it has", async () => {
  const secret = await serving({});
  const { sessions } = server.engine.context.store;
  await greeted(secret);
  const [first] = (await sessions.list()).filter(({ role }) => role === "worker");
  if (first === undefined) throw new Error("it has a session");
  for (let n = 1; n < WORKER_SESSIONS_PER_TOKEN_MAX; n++) await sessions.open({ ...first, id: `ses_left_${n}` });
  const hello = { type: "hello", protocol: 1, session: null, queues: ["default"], handlers: ["work"], ttlMs: 60_000 };
  const socket = connect(secret);
  await once(socket, "open");
  socket.send(JSON.stringify({ seq: 1, messages: [hello] }));
  expect(await once(socket, "close")).toEqual([WORKER_CLOSE.unavailable, Buffer.from("unavailable")]);
  const again = connect(secret);
  await once(again, "open");
  again.send(JSON.stringify({ seq: 1, messages: [{ ...hello, session: first.id }] }));
  const [welcome] = (await once(again, "message")) as [Buffer];
  expect(JSON.parse(welcome.toString())).toMatchObject({ messages: [{ type: "welcome", resumed: true }] });
});
