/** The server on a real socket: bound, streamed, left, drained. */
import { once } from "node:events";
import { connect } from "node:net";
import { get, request } from "node:http";
import type { Handler } from "@windlass/engine";
import { client, type Client } from "@windlass/sdk";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { listen, type Listening } from "./serve.ts";
import { clock, testServer, TOKEN, type TestServer } from "./server-fixture.ts";

let server: TestServer;
let listening: Listening;
let api: Client;
let letGo: () => void;

const gated: Handler = async (context) => {
  context.log("begun");
  await new Promise<void>((resolve) => {
    letGo = resolve;
    context.signal.addEventListener("abort", () => resolve());
  });
};

async function serve(drainMs = 500): Promise<void> {
  server = await testServer();
  await server.work({ echo: ({ input }) => input, gated });
  listening = await listen(server.app, { host: "127.0.0.1", port: 0, clock, drainMs });
  api = client({ url: listening.url, token: TOKEN });
}
async function end(): Promise<void> {
  letGo?.();
  await listening.close();
  await server.close();
}
beforeEach(() => serve());
afterEach(end);

const task = (handler: string) => ({ name: handler, executor: "handler", spec: { handler } }) as const;

const metric = async (name: string): Promise<number> => {
  const text = await (await fetch(`${listening.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, "mu").exec(text)?.[1]);
};

test("a job is submitted, followed and waited for over a socket", async () => {
  await api.ping();
  const { id } = await api.jobs.submit(task("gated"));
  let log = "";
  for await (const item of api.jobs.followLogs({ id })) {
    if (item.type !== "chunks") continue;
    log += item.chunks.map((chunk) => chunk.text).join("");
    letGo();
  }
  expect(log).toBe("begun\n");
  expect((await api.wait(id)).state).toBe("succeeded");
});

test("a port that is taken is told with the way out, and the taker is left alone", async () => {
  const second = listen(server.app, { host: "127.0.0.1", port: listening.port, clock });
  await expect(second).rejects.toMatchObject({
    code: "port_in_use",
    message: expect.stringMatching(new RegExp(`127\\.0\\.0\\.1:${listening.port}.*--port.*server\\.port`, "u")),
  });
  await api.ping();
});

test("an address that is not of this machine is told", async () => {
  await expect(listen(server.app, { host: "203.0.113.7", port: 0, clock })).rejects.toThrow(
    /203\.0\.113\.7 is no address of this machine; correct the setting server\.host/u,
  );
});

test("whoever leaves a stream leaves nothing behind", async () => {
  const { id } = await api.jobs.submit(task("gated"));
  const controllers = Array.from({ length: 5 }, () => new AbortController());
  const firsts = controllers.map(async ({ signal }, n) => {
    const stream = n % 2 === 0 ? api.jobs.watch({ id }, { signal }) : api.jobs.followLogs({ id }, { signal });
    await stream.next();
    return stream.next().catch(() => null);
  });
  await vi.waitFor(async () => expect(await metric("windlass_http_streams")).toBe(5));
  for (const controller of controllers) controller.abort();
  await Promise.all(firsts);
  await vi.waitFor(async () => expect(await metric("windlass_http_streams")).toBe(0));
});

test("who asks only for the head of a stream opens none", async () => {
  for (let n = 0; n < 3; n++) {
    const answer = await fetch(`${listening.url}/api/v1/events`, { method: "HEAD", headers: { authorization: `Bearer ${TOKEN}` } });
    expect(answer.status).toBe(200);
  }
  expect(await metric("windlass_http_streams")).toBe(0);
});

test("who offers another protocol than a WebSocket is answered as usual", async () => {
  const headers = { host: "localhost", connection: "Upgrade, HTTP2-Settings", upgrade: "h2c", "http2-settings": "AAMAAABk" };
  const asked = get({ host: "127.0.0.1", port: listening.port, path: "/healthz", headers });
  const [answer] = (await once(asked, "response")) as [{ statusCode: number; resume(): void }];
  answer.resume();
  expect(answer.statusCode).toBe(200);
});

test.each(["/elsewhere", "//", "/api/v1/workers/connect"])("whose WebSocket at %s is refused cannot keep the connection", async (path) => {
  const socket = connect({ host: "127.0.0.1", port: listening.port, allowHalfOpen: true });
  let text = "";
  socket.on("data", (piece: Buffer) => (text += piece.toString()));
  // What the server has let go of, it answers with a reset.
  const gone = once(socket, "error");
  socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\nx-request-id: mine\r\n\r\n`);
  await once(socket, "end");
  expect(text).toMatch(/^HTTP\/1\.1 40[14] /u);
  // As every answer: found again under the caller's id, and nothing for browsers to guess.
  for (const header of ["x-request-id: mine", "x-content-type-options: nosniff"]) expect(text).toContain(`\r\n${header}\r\n`);
  expect(text).toContain('"requestId":"mine"');
  const writing = setInterval(() => socket.write("x"), 20);
  await gone.finally(() => clearInterval(writing));
  expect(server.lines.filter(({ level }) => level === "error")).toEqual([]);
});

test("a caller who cuts the connection in the middle of its request harms nobody", async () => {
  const socket = connect(listening.port, "127.0.0.1");
  await once(socket, "connect");
  socket.write(
    `POST /api/v1/jobs HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${TOKEN}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"na`,
  );
  await new Promise<void>((resolve) => socket.write("me", () => resolve()));
  socket.destroy();
  await api.ping();
  expect((await api.jobs.list({})).items).toEqual([]);
});

test("a forged Host is refused on the wire", async () => {
  const asked = get({ host: "127.0.0.1", port: listening.port, path: "/healthz", headers: { host: "evil.example" } });
  const [answer] = (await once(asked, "response")) as [{ statusCode: number; resume(): void }];
  answer.resume();
  expect(answer.statusCode).toBe(403);
});

test("closing ends streams, lets requests finish, and frees the port", async () => {
  await end();
  // However long the request takes on a busy machine.
  await serve(20_000);
  const { id } = await api.jobs.submit(task("gated"));
  const watching = api.jobs.watch({ id })[Symbol.asyncIterator]();
  await watching.next();
  // A request whose body is still on its way.
  const slow = request({
    host: "127.0.0.1",
    port: listening.port,
    path: "/api/v1/jobs",
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json", host: "localhost" },
  });
  slow.write('{"name": "late", "executor": "handler", ');
  // The one that asks is the second.
  await vi.waitFor(async () => expect(await metric("windlass_http_requests_under_way")).toBe(2));
  const answered = once(slow, "response") as Promise<[{ statusCode: number; resume(): void }]>;
  const closed = listening.close();
  slow.end('"spec": {"handler": "echo"}}');
  const [answer] = await answered;
  answer.resume();
  expect(answer.statusCode).toBe(201);
  await closed;
  await expect(api.system.info()).rejects.toMatchObject({ code: "unreachable", message: expect.stringContaining("connection refused") });
  listening = await listen(server.app, { host: "127.0.0.1", port: listening.port, clock, drainMs: 500 });
  expect(listening.port).toBeGreaterThan(0);
  await watching.return?.(undefined);
});

test("a request that never ends is cut when the time to drain is over", async () => {
  const hanging = request({
    host: "127.0.0.1",
    port: listening.port,
    path: "/api/v1/jobs",
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json", host: "localhost" },
  });
  const failed = once(hanging, "error");
  hanging.write("{");
  await vi.waitFor(async () => expect(await metric("windlass_http_requests_under_way")).toBe(2));
  await Promise.all([listening.close(), failed.catch(() => null)]);
});

test("closing twice, and while the first is under way, is fine", async () => {
  await Promise.all([listening.close(), listening.close()]);
  await expect(listening.close()).resolves.toBeUndefined();
});

test("a head that is too large is refused", async () => {
  const answer = await fetch(`${listening.url}/healthz`, { headers: { "x-large": "x".repeat(17_000) } });
  expect(answer.status).toBe(431);
});

test("who stops reading is told by reset that events were left out, and holds up nobody", async () => {
  const socket = connect({ host: "127.0.0.1", port: listening.port });
  await once(socket, "connect");
  socket.write(`GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${TOKEN}\r\n\r\n`);
  let text = String(((await once(socket, "data")) as [Buffer])[0]);
  socket.pause();
  await api.queues.put({ name: "held", paused: true });
  const others = api.events.watch({ after: "0" });
  // Far more than the buffers of both ends hold.
  const by = "x".repeat(20_000);
  const request = {
    kind: "task",
    name: "never",
    executor: "handler",
    queue: "held",
    spec: { handler: "never" },
    cause: { type: "user", by },
  } as const;
  for (let n = 0; n < 30; n++) {
    const next = others.next();
    await server.engine.jobs.submitMany(Array.from({ length: 100 }, () => request));
    expect((await next).value).toMatchObject({ type: "event" });
    for (let seen = 1; seen < 100; seen++) await others.next();
  }
  const reset = new Promise<void>((resolve) => {
    socket.on("data", (piece: Buffer) => {
      text = (text + piece.toString()).slice(-200_000);
      if (text.includes('data: {"type":"reset"}')) resolve();
    });
  });
  socket.resume();
  await reset;
  socket.destroy();
  await others.return(undefined);
});
