/** Steps that call addresses: sent and read, tried again when the server asks for it, and never inside of the machine unless allowed. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { stranger, type Stranger } from "./stranger.ts";

const here: Stranger[] = [];
const closing: (() => void)[] = [];
afterEach(async () => {
  for (const one of here.splice(0)) await one.leave();
  for (const close of closing.splice(0)) close();
});

const FILE = (url: string): string => `apiVersion: windlass.dev/v1
kind: Workflow
metadata: {name: publish}
steps:
  - {name: rows, tool: {kind: shell, script: "echo '[1, 2]'", output: json}}
  - name: publish
    needs: [rows]
    tool: {kind: http, method: POST, url: "${url}/publish", headers: {X-Run: "{{ job.name }}"}, json: {rows: "{{ rows.output }}"}, expected_status: [201]}
output: {id: "{{ publish.body.id }}", status: "{{ publish.output.status }}"}
`;

/** Answers 503 the first time, with when to come back. */
async function publisher(): Promise<{ readonly url: string; readonly bodies: string[] }> {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (piece: Buffer) => (body += piece.toString()));
    request.on("end", () => {
      bodies.push(`${String(request.headers["x-run"])} ${body}`);
      if (bodies.length === 1) response.writeHead(503, { "retry-after": "1" }).end("not yet");
      else response.writeHead(201, { "content-type": "application/json" }).end('{"id": 42}');
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bodies };
}

test("a step posts what another made, again when the server says so, and its answer is read by others", async () => {
  const { url, bodies } = await publisher();
  const me = stranger();
  here.push(me);
  await me.serverWith({ WINDLASS_HTTP_ALLOW: "loopback" });
  me.write("publish.yaml", FILE(url));
  const done = await me.windlass("run", "publish.yaml", "--wait", "--json");
  expect(JSON.parse(done.stdout)).toMatchObject({ state: "succeeded", output: { id: 42, status: 201 } });
  expect(bodies).toEqual(Array.from({ length: 2 }, () => 'publish {"rows":[1,2]}'));
  expect((await me.windlass("logs", "last")).stdout).toContain(`POST ${url}/publish`);
});

test("what listens on the server's own machine is not called", async () => {
  const { url, bodies } = await publisher();
  const me = stranger();
  here.push(me);
  await me.server();
  me.write("publish.yaml", FILE(url));
  const done = await me.windlass("run", "publish.yaml", "--wait");
  expect(done.code).toBe(1);
  expect(done.stdout + done.stderr).toContain("127.0.0.1 is not called from this server (http.deny)");
  expect(bodies).toEqual([]);
});
