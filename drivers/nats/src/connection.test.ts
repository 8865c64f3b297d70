import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nkeys } from "@nats-io/transport-node";
import { afterEach, expect, test } from "vitest";
import { connectNats, credentialsIn, placeOf } from "./connection.ts";

let server: Server | null = null;
afterEach(async () => {
  await new Promise((resolve) => (server === null ? resolve(null) : server.close(resolve)));
  server = null;
});

/** Says of itself what a server of NATS would, and answers what a client asks at first. */
async function pretend(info: object): Promise<string> {
  server = createServer((socket) => {
    socket.on("error", () => {});
    socket.write(`INFO ${JSON.stringify({ server_id: "x", proto: 1, max_payload: 1_048_576, ...info })}\r\n`);
    socket.setEncoding("utf8").on("data", (text: string) => text.includes("PING") && socket.write("PONG\r\n"));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `nats://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test.each([
  ["2.9.10", "is version 2.9.10; 2.12 or newer is needed"],
  ["2.11.9", "is version 2.11.9; 2.12 or newer is needed"],
  ["1.4.0", "is version 1.4.0; 2.12 or newer is needed"],
])("version %s is too old, and told with what is needed", async (version, told) => {
  const url = await pretend({ version, jetstream: true });
  await expect(connectNats(url)).rejects.toMatchObject({ code: "tool_missing", message: expect.stringContaining(told) });
});

test.each(["2.12.0", "2.15.1", "3.0.0"])("version %s is new enough, and without JetStream it is told how to start it", async (version) => {
  const url = await pretend({ version });
  await expect(connectNats(url)).rejects.toMatchObject({ code: "tool_missing", message: expect.stringContaining("--jetstream") });
});

test("where nobody listens it is unavailable, and no password is shown", async () => {
  const url = await pretend({});
  await new Promise((resolve) => server?.close(resolve));
  const secret = url.replace("nats://", "nats://me:hidden@");
  await expect(connectNats(secret)).rejects.toMatchObject({ code: "unavailable", message: expect.not.stringContaining("hidden") });
});

test.each(["", "http://x:1", "nats:x", "nats://ok:1, x"])("%j is no address", async (url) => {
  await expect(connectNats(url)).rejects.toMatchObject({ code: "invalid", message: expect.stringContaining("nats://HOST:4222") });
});

test("a place has neither names nor passwords", () => {
  expect(placeOf("nats://me:hidden@a:4222,tls://token@b:4223")).toBe("a:4222, b:4223");
});

test("a file of credentials is read anew at each connection", () => {
  const folder = mkdtempSync(join(tmpdir(), "windlass-creds-"));
  const file = join(folder, "user.creds");
  const write = (jwt: string): void => {
    const seed = new TextDecoder().decode(nkeys.createUser().getSeed());
    const part = (name: string, text: string): string => `-----BEGIN ${name}-----\n${text}\n------END ${name}------\n`;
    writeFileSync(file, `${part("NATS USER JWT", jwt)}\n${part("USER NKEY SEED", seed)}`);
  };
  write("first");
  const authenticate = credentialsIn(file);
  expect(authenticate("nonce")).toMatchObject({ jwt: "first" });
  write("second");
  expect(authenticate("nonce")).toMatchObject({ jwt: "second" });
  rmSync(folder, { recursive: true });
});
