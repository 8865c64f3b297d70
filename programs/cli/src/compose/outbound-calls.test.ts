/** Against real servers on this machine. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { OutboundAnswer } from "@windlass/ports";
import { addressRules } from "@windlass/tools";
import { afterEach, expect, test } from "vitest";
import { systemClock as clock } from "../machine/system-clock.ts";
import { outboundCalls } from "./outbound-calls.ts";

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** The address of a server that answers so. */
async function listening(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const deny = "loopback link-local";
const open = outboundCalls({ rules: addressRules({ allow: "loopback", deny }), clock });
const shut = outboundCalls({ rules: addressRules({ allow: "", deny }), clock });
const post = (url: string, timeoutMs = 5_000, calls = open): Promise<OutboundAnswer> =>
  calls.post({ url, headers: { "x-one": "1" }, body: "{}", timeoutMs });

test("the body is sent with its headers, and the answer comes back with its beginning", async () => {
  const seen: unknown[] = [];
  const url = await listening((request, response) => {
    void Array.fromAsync(request as AsyncIterable<Buffer>).then((pieces) => {
      seen.push([request.method, request.url, request.headers["x-one"], Buffer.concat(pieces).toString()]);
      response.writeHead(202).end("thanks");
    });
  });
  expect(await post(`${url}/hook?a=1`)).toEqual({ status: 202, text: "thanks" });
  expect(seen).toEqual([["POST", "/hook?a=1", "1", "{}"]]);
});

test("an answer without end is not read to its end, one that points elsewhere is not followed, and none at all is waited for only so long", async () => {
  const endless = await listening((_, response) => {
    response.writeHead(200);
    const write = (): void => void (response.write("x".repeat(10_000)) ? setImmediate(write) : response.once("drain", write));
    response.on("error", () => {});
    write();
  });
  expect((await post(endless)).text).toHaveLength(4_096);
  let followed = 0;
  const elsewhere = await listening((_, response) => void (followed++, response.end()));
  const pointing = await listening((_, response) => void response.writeHead(302, { location: elsewhere }).end());
  expect((await post(pointing)).status).toBe(302);
  expect(followed).toBe(0);
  const silent = await listening(() => {});
  await expect(post(silent, 50)).rejects.toMatchObject({ code: "timed_out" });
});

test("this machine is not connected to, however its address is written, and by no name that resolves to it", async () => {
  let called = 0;
  const url = await listening((_, response) => void (called++, response.end()));
  const { port } = new URL(url);
  for (const host of ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "127.1", "0.0.0.0"])
    await expect(post(`http://${host}:${port}`, 5_000, shut), host).rejects.toMatchObject({ code: "forbidden" });
  expect(called).toBe(0);
});

test("an address that cannot be called is told as it is given", () => {
  expect(shut.fault("https://hooks.example.org/x")).toBeNull();
  const wrong = ["hooks.example.org", "ftp://hooks.example.org", "https://user:word@hooks.example.org", "file:///etc/passwd"];
  for (const one of [...wrong, `https://a.example/${"x".repeat(2_000)}`, "http://169.254.169.254/latest"])
    expect(shut.fault(one), one).not.toBeNull();
});
