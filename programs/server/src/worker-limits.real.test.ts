/** How often workers may connect and how fast they are heard, over real sockets. */
import { once } from "node:events";
import { WORKERS_PATH } from "@windlass/contract";
import { afterEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { listen, type Listening } from "./serve.ts";
import type { ServerParts } from "./server-parts.ts";
import { clock, testServer, type TestServer } from "./server-fixture.ts";

let server: TestServer;
let listening: Listening;
const open: WebSocket[] = [];

async function serving(parts: Partial<ServerParts>): Promise<string> {
  server = await testServer(parts);
  listening = await listen(server.app, { host: "127.0.0.1", port: 0, clock, drainMs: 500 });
  return (await server.api.tokens.create({ name: "worker", roles: ["worker"] })).secret;
}
afterEach(async () => {
  for (const socket of open.splice(0)) socket.terminate();
  await listening.close();
  await server.close();
});

function connect(secret: string): WebSocket {
  const url = `${listening.url.replace("http", "ws")}${WORKERS_PATH}`;
  const socket = new WebSocket(url, { headers: { authorization: `Bearer ${secret}` } });
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
