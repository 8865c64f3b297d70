/** What a client does with an API server that is asked too much. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { fakeClock, settled } from "@windlass/testkit";
import { expect, test } from "vitest";
import { ClusterClient } from "./cluster-client.ts";

test("after a 429 nothing is asked, of whatever kind, before the time that the server named", async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const isFirst = asked.length === 1;
    response.writeHead(isFirst ? 429 : 200, isFirst ? { "retry-after": "3" } : {}).end("{}");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = new KubeConfig();
  config.loadFromClusterAndUser({ name: "a", server: url, skipTLSVerify: false }, { name: "a" });
  const clock = fakeClock();
  const access = { config, server: new URL(url), told: url };
  const client = new ClusterClient({ access, clock, pace: { perSecond: 100, burst: 100 }, callsMax: 10 });
  expect(await client.call("POST", "/jobs", { body: {} })).toMatchObject({ status: 429 });
  const others = Promise.all([client.call("GET", "/jobs"), client.stream("GET", "/pods"), client.call("PATCH", "/jobs/a", { body: {} })]);
  await settled();
  await clock.advance(2_900);
  expect(asked).toEqual(["POST /jobs"]);
  await clock.advance(200);
  expect((await others).map((answer) => ("status" in answer ? answer.status : answer.statusCode))).toEqual([200, 200, 200]);
  expect(asked.slice(1).toSorted()).toEqual(["GET /jobs", "GET /pods", "PATCH /jobs/a"]);
  client.close();
  server.closeAllConnections();
  server.close();
});
