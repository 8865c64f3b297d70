/** How often workers may connect, how fast they are heard, and what they may say of themselves, over real sockets. */
import { once } from "node:events";
import { WORKERS_PATH } from "@windlass/contract";
import type { EngineOptions } from "@windlass/engine";
import { openSqliteStore } from "@windlass/sqlite";
import { afterEach, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { listen, type Listening } from "./serve.ts";
import type { ServerParts } from "./server-parts.ts";
import { clock, testServer, type TestServer } from "./server-fixture.ts";

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
  readonly jobs?: readonly { readonly token: number; readonly attempt: number }[];
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
  const say = (message: object): void => socket.send(JSON.stringify({ seq: ++seq, messages: [message] }));
  const heard = (is: (one: Said) => boolean): Promise<Said> =>
    vi.waitFor(() => said.find(is) ?? Promise.reject(new Error("it was not said")), 20_000);
  say({ type: "hello", protocol: 1, session: null, queues: ["default"], handlers: ["work"], ttlMs: 60_000 });
  await heard(({ type }) => type === "welcome");
  return { said, say, heard };
}

function connect(secret: string, headers: Readonly<Record<string, string>> = {}): WebSocket {
  const url = `${listening.url.replace("http", "ws")}${WORKERS_PATH}`;
  const socket = new WebSocket(url, { headers: { ...headers, authorization: `Bearer ${secret}` } });
  socket.on("error", () => {});
  open.push(socket);
  return socket;
}

test("to connect counts as a request of the token: beyond its limit it is refused with 429", async () => {
  const secret = await serving({ requestsPerSecond: 1 });
  for (let n = 0; n < 2; n++) await once(connect(secret), "open");
  const [, refusal] = (await once(connect(secret), "unexpected-response")) as [unknown, { statusCode: number; headers: object }];
  expect(refusal).toMatchObject({ statusCode: 429, headers: { "retry-after": "1" } });
});

test("of where a worker says that it runs only what can be read is kept, and no more than there is room for", async () => {
  const secret = await serving({});
  await greeted(secret, { "windlass-host": `a\u009B2J\tb\u00E9 (process 1)${"x".repeat(300)}` });
  await greeted(secret, { "windlass-host": "\u009B" });
  const { items } = await server.api.workers.list();
  const hosts = items.filter(({ token }) => token === "worker").map(({ host }) => host);
  expect(new Set(hosts)).toEqual(new Set([`a2Jb (process 1)${"x".repeat(184)}`, null]));
});

test("frames that come too fast are all heard, and the next one only when time has made up for them", async () => {
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
  const beat = (n: number): void => socket.send(JSON.stringify({ seq: n + 1, messages: [{ type: "beat", n }] }));
  const welcome = once(socket, "message");
  const hello = { type: "hello", protocol: 1, session: null, queues: ["default"], handlers: [], ttlMs: 60_000 };
  socket.send(JSON.stringify({ seq: 1, messages: [hello] }));
  await welcome;
  const [all, sentAt] = [alive(300), performance.now()];
  for (let n = 1; n <= 300; n++) beat(n);
  await all;
  const next = alive(301);
  beat(301);
  await next;
  // 200 frames are the burst; the others come in at 100 a second.
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
  const { id } = await server.engine.jobs.submit({ kind: "task", name: "work", spec: { handler: "work" }, executor: "handler" });
  const [one, other] = [await greeted(secret), await greeted(secret)];
  one.say({ type: "credit", jobs: 1, slots: 1 });
  const { token, attempt } = (await one.heard(({ type }) => type === "jobs")).jobs?.[0] ?? {};
  isShut = true;
  using pause = vi.spyOn(WebSocket.prototype, "pause");
  const result = { outcome: "succeeded", reason: "ok", message: null, output: "x".repeat(1_000_000) };
  const end = { what: "end", id, token, attempt, end: { type: "settle", result, stopped: false } };
  for (let n = 1; n <= ENDS; n++) one.say({ type: "items", items: [{ n, ...end }] });
  one.say({ type: "beat", n: 1 });
  await vi.waitFor(() => expect(pause).toHaveBeenCalled(), 20_000);
  other.say({ type: "beat", n: 1 });
  await other.heard(({ type }) => type === "alive");
  expect(one.said.filter(({ type }) => type === "alive" || type === "acks")).toEqual([]);
  opened.resolve();
  await one.heard(({ type }) => type === "alive");
  await vi.waitFor(() => expect(one.said.flatMap(({ stored = [], refused = [] }) => [...stored, ...refused])).toHaveLength(ENDS), 20_000);
  expect((await server.engine.jobs.get(id)).state).toBe("succeeded");
  await store.close();
}, 60_000);

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
  const came = await new Promise((resolve) => {
    socket.once("open", () => resolve("let in"));
    socket.once("unexpected-response", (_, { statusCode }) => resolve(statusCode));
  });
  expect(came).toBe(503);
  await Promise.all([...closed, first.close()]);
  expect(workers.connections).toBe(0);
});
