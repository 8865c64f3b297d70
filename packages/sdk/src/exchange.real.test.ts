/** Requests over real sockets: connections, failures, and whoever has a say about `fetch`. */
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { client } from "./client.ts";
import { Ending } from "./ending.ts";
import { exchangeBy } from "./exchange.ts";

const servers: Server[] = [];
afterEach(async () => {
  vi.unstubAllGlobals();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function serving(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const get = { method: "GET", headers: {} };

test("an answer is whole whether it comes at once, in pieces that cut a letter in two, or not at all", async () => {
  const whole = Buffer.from('{"a":"ü💥"}');
  const url = await serving((request, response) => {
    if (request.url === "/at-once") return void response.end(whole);
    if (request.url === "/empty") return void response.end();
    response.write(whole.subarray(0, 7));
    setImmediate(() => response.end(whole.subarray(7)));
  });
  const send = exchangeBy(fetch);
  for (const path of ["/at-once", "/pieces"]) expect(await (await send(url + path, get)).json()).toEqual({ a: "ü💥" });
  expect(await (await send(`${url}/empty`, get)).text()).toBe("");
});

test("address, headers and body arrive as they are, and so does the answer", async () => {
  const seen: unknown[] = [];
  const url = await serving((request, response) => {
    let body = "";
    request.on("data", (piece: Buffer) => (body += piece.toString()));
    request.on("end", () => {
      seen.push(request.method, request.url, request.headers["x-own"], body);
      response.writeHead(201, { "x-answer": "yes" }).end(JSON.stringify({ ü: "💥" }));
    });
  });
  const answer = await exchangeBy(fetch)(`${url}/a%20b?c=%C3%BC`, { method: "POST", headers: { "x-own": "1" }, body: '"ü"' });
  expect(seen).toEqual(["POST", "/a%20b?c=%C3%BC", "1", '"ü"']);
  expect([answer.ok, answer.status, answer.headers.get("x-answer"), answer.headers.get("x-none")]).toEqual([true, 201, "yes", null]);
  expect(await answer.json()).toEqual({ ü: "💥" });
});

test("a connection is kept for the next request, and there are never more than 64", async () => {
  const ports = new Set<number | undefined>();
  const opens: (() => void)[] = [];
  const url = await serving((request, response) => {
    ports.add(request.socket.remotePort);
    if (request.url === "/held") opens.push(() => response.end("{}"));
    else response.end("{}");
  });
  const exchange = exchangeBy(fetch);
  for (let n = 0; n < 5; n++) await exchange(`${url}/`, get);
  expect(ports.size).toBe(1);
  const all = Array.from({ length: 70 }, () => exchange(`${url}/held`, get));
  await expect.poll(() => opens.length).toBe(64);
  for (const open of opens.splice(0)) open();
  await expect.poll(() => opens.length).toBe(6);
  for (const open of opens) open();
  await Promise.all(all);
  expect(ports.size).toBe(64);
});

test("an address where nobody listens, and an answer that breaks off, fail as with fetch", async () => {
  const exchange = exchangeBy(fetch);
  await expect(exchange("http://127.0.0.1:1/", get)).rejects.toMatchObject({ name: "TypeError", cause: { code: "ECONNREFUSED" } });
  let broken = 0;
  const url = await serving((_request, response) => {
    response.writeHead(200, { "content-length": "100" });
    if (broken++ === 0) response.write("{", () => response.destroy());
    else response.end(`{"items":[]}${" ".repeat(88)}`);
  });
  const api = client({ url, pause: async () => {} });
  expect(await api.queues.list()).toEqual({ items: [] });
  expect(broken).toBe(2);
});

test("the end of a call cuts the request, also one that waits for its answer", async () => {
  const ending = new Ending();
  const cut = Promise.withResolvers<void>();
  const url = await serving((request) => {
    request.socket.once("close", () => cut.resolve());
    ending.end("enough");
  });
  await expect(exchangeBy(fetch)(url, { ...get, ending })).rejects.toThrow("the request failed");
  await cut.promise;
  await expect(exchangeBy(fetch)(url, { ...get, ending })).rejects.toThrow("the request failed");
});

test("a redirect is followed", async () => {
  const url = await serving((request, response) => {
    if (request.url === "/there") response.end('{"items":[]}');
    else response.writeHead(307, { location: "/there" }).end();
  });
  expect(await client({ url }).queues.list()).toEqual({ items: [] });
});

test("a fetch of the caller's, one put in place of the built-in one, and a dispatcher of undici are heeded", async () => {
  const url = await serving((_request, response) => void response.end('{"items":["line"]}'));
  const own: typeof fetch = async () => new Response('{"items":["own"]}');
  expect(await client({ url, fetch: own }).queues.list()).toEqual({ items: ["own"] });
  vi.stubGlobal("fetch", own);
  expect(await client({ url }).queues.list()).toEqual({ items: ["own"] });
  vi.unstubAllGlobals();
  expect(await client({ url }).queues.list()).toEqual({ items: ["line"] });
  class ProxyAgent {
    dispatch(): never {
      throw new Error("over the proxy");
    }
  }
  // As setGlobalDispatcher of undici does.
  const globals = globalThis as unknown as Record<symbol, unknown>;
  const dispatcher = Symbol.for("undici.globalDispatcher.1");
  const before = globals[dispatcher];
  try {
    globals[dispatcher] = new ProxyAgent();
    await expect(client({ url, retries: 0 }).queues.list()).rejects.toMatchObject({ message: expect.stringContaining("over the proxy") });
  } finally {
    globals[dispatcher] = before;
  }
});
