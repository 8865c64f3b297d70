import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { freePort } from "./free-port.ts";

test("is none of those that connections of others are given, and can be listened on", async () => {
  const ports = await Promise.all(Array.from({ length: 20 }, () => freePort()));
  for (const port of ports) expect(port).toBeLessThan(30_000);
  const server = createServer();
  await once(server.listen(ports[0], "127.0.0.1"), "listening");
  expect((server.address() as AddressInfo).port).toBe(ports[0]);
  server.close();
});
