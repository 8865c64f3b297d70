/** The tool `http` against real servers on this machine. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { isAnswer, type Answer, type HandlerContext, type Json, type JsonObject } from "@windlass/kernel";
import { afterAll, beforeAll, expect, test } from "vitest";
import { addressRules, type AddressRules } from "./address-rules.ts";
import { httpTool } from "./http-tool.ts";

const OPEN = addressRules({ allow: "loopback", deny: "loopback link-local" });
const NOW = Date.parse("2026-01-31T08:00:00Z");
let [here, there]: Server[] = [];
let [url, other] = ["", ""];
const asked: { path: string; method: string; headers: IncomingMessage["headers"]; body: string }[] = [];

function answer(request: IncomingMessage, response: ServerResponse): void {
  const path = request.url ?? "";
  const json = (status: number, body: unknown, headers = {}): void => {
    response.writeHead(status, { "content-type": "application/json", "set-cookie": "a=secret", ...headers }).end(JSON.stringify(body));
  };
  if (path === "/json") json(200, { rows: [1, 2] });
  else if (path === "/busy") json(429, { why: "later" }, { "retry-after": "7" });
  else if (path === "/date") json(503, {}, { "retry-after": new Date(NOW + 9_000).toUTCString() });
  else if (path === "/down") json(503, {});
  else if (path === "/never") json(503, {}, { "retry-after": "90000" });
  else if (path === "/away") response.writeHead(302, { location: `${other}/json` }).end();
  else if (path === "/circle") response.writeHead(302, { location: "/circle" }).end();
  else if (path === "/inside") response.writeHead(302, { location: "http://169.254.169.254/latest" }).end();
  else if (path === "/large") response.end("x".repeat(2_000));
  else if (path === "/silent") return;
  else response.writeHead(404).end("no such thing");
}

async function listen(): Promise<Server> {
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (piece: Buffer) => (body += piece.toString()));
    request.on("end", () => {
      asked.push({ path: request.url ?? "", method: request.method ?? "", headers: request.headers, body });
      answer(request, response);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

beforeAll(async () => {
  [here, there] = [await listen(), await listen()];
  [url, other] = [here, there].map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`) as [string, string];
});
afterAll(() => {
  for (const server of [here, there]) {
    server?.closeAllConnections();
    server?.close();
  }
});

async function call(input: JsonObject, rules: AddressRules = OPEN, signal = new AbortController().signal): Promise<Json | Answer> {
  const secretOf = async (_: string, alias: string): Promise<string> => {
    if (alias !== "hook") throw new Error(`there is no secret ${alias}`);
    return "s3cret";
  };
  return httpTool({ rules, secretOf, now: () => NOW })({ jobId: "job_1", input, signal, log: () => {} } as unknown as HandlerContext);
}

test("an answer is the output: status, headers without cookies, and what it says", async () => {
  const output = (await call({ url: `${url}/json`, method: "POST", body: "{}", headers: { "x-a": "1" }, auth: "hook" })) as JsonObject;
  expect(output).toMatchObject({ status: 200, body: { rows: [1, 2] } });
  expect(output["headers"]).not.toHaveProperty("set-cookie");
  expect(asked.at(-1)).toMatchObject({
    method: "POST",
    body: "{}",
    headers: { "x-a": "1", authorization: "Bearer s3cret", "content-length": "2" },
  });
});

test("what may pass is tried again when the server asks for it, what may not never is", async () => {
  expect(await call({ url: `${url}/busy`, retryStatus: [429] })).toMatchObject({ type: "retry", afterMs: 7_000 });
  expect(await call({ url: `${url}/date`, retryStatus: [503] })).toMatchObject({ type: "retry", afterMs: 9_000 });
  await expect(call({ url: `${url}/down`, retryStatus: [503] })).rejects.toThrow(/GET http:.*\/down answered 503/u);
  expect(await call({ url: `${url}/never`, retryStatus: [503] })).toMatchObject({ type: "fail" });
  const failed = await call({ url: `${url}/nothing?token=abc`, retryStatus: [503] });
  expect(failed).toMatchObject({ type: "fail", message: `GET ${url}/nothing answered 404 Not Found: no such thing` });
  expect(await call({ url: `${url}/nothing`, expected: [404] })).toMatchObject({ status: 404, body: "no such thing" });
});

test("redirects are followed without credentials to another host, and to no address that is not called", async () => {
  expect(await call({ url: `${url}/away`, auth: "hook" })).toMatchObject({ status: 200 });
  expect(asked.at(-1)?.headers["authorization"]).toBeUndefined();
  expect(asked.at(-2)?.headers["authorization"]).toBe("Bearer s3cret");
  expect(await call({ url: `${url}/circle` })).toMatchObject({ type: "fail", message: expect.stringContaining("redirects") as string });
  expect(await call({ url: `${url}/inside` })).toMatchObject({
    type: "fail",
    message: expect.stringContaining("169.254.169.254 is not called") as string,
  });
});

test("a server calls neither itself nor its link, by name or by number, unless it is allowed", async () => {
  const rules = addressRules({ allow: "", deny: "loopback link-local" });
  for (const host of ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"]) {
    const refused = await call({ url: `http://${host}:${new URL(url).port}/json` }, rules);
    expect(isAnswer(refused) && refused).toMatchObject({
      type: "fail",
      message: expect.stringContaining("is not called from this server") as string,
    });
  }
});

test("answers that are too large, secrets that are not there, and nonsense are told", async () => {
  expect(await call({ url: `${url}/large`, bytesMax: 100 })).toMatchObject({
    type: "fail",
    message: `GET ${url}/large: its answer is larger than 100 bytes`,
  });
  expect(await call({ url: `${url}/json`, auth: "other" })).toMatchObject({ type: "invalid", message: "there is no secret other" });
  expect(await call({ url: "ftp://example.org/" })).toMatchObject({ type: "invalid" });
  expect(await call({ url: "http://a:b@example.org/" })).toMatchObject({ type: "invalid" });
  expect(isAnswer(await call({ url: `${url}/json`, method: "get it" }))).toBe(true);
});

test("a call ends with its job", async () => {
  const job = new AbortController();
  const called = call({ url: `${url}/silent` }, OPEN, job.signal);
  while (asked.at(-1)?.path !== "/silent") await new Promise((resolve) => setImmediate(resolve));
  job.abort(new Error("cancelled"));
  await expect(called).rejects.toThrow(/\/silent: /u);
});
