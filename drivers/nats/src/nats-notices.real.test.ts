/** The contract on a real server, and what is of NATS alone. */
import { connect } from "@nats-io/transport-node";
import { jetstreamManager } from "@nats-io/jetstream";
import type { Notices } from "@windlass/ports";
import { noticesContract, realClock as clock, testNats, type NatsServer } from "@windlass/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openNatsNotices } from "./nats-notices.ts";
import { probeNats } from "./probe-nats.ts";

const nats = testNats();

describe.skipIf(nats.missing)("notices over NATS", () => {
  let server: NatsServer;
  let queues = 0;
  const open = (name: string, more: { readonly visibilityMs?: number; readonly attemptsMax?: number } = {}): Promise<Notices> =>
    openNatsNotices({ url: server.url, name, visibilityMs: 60_000, attemptsMax: 3, clock, ...more });
  beforeAll(async () => {
    server = await nats.start();
  });
  afterAll(() => server.stop());

  noticesContract("NATS JetStream", async () => {
    const name = `queue-${++queues}`;
    return { connect: (options) => open(name, options), restart: () => server.restart(), close: async () => {} };
  });

  test("a stream of the same name that is something else is left alone, and named", async () => {
    const connection = await connect({ servers: server.url });
    const manager = await jetstreamManager(connection);
    await manager.streams.add({ name: "orders", subjects: ["orders.>"], retention: "limits" });
    await expect(open("orders")).rejects.toMatchObject({ code: "conflict", message: expect.stringContaining("its retention is limits") });
    expect((await manager.streams.info("orders")).config.subjects).toEqual(["orders.>"]);
    await connection.close();
  });

  test("what another program published with nothing but a body is received under an id of its own", async () => {
    const queue = await open("theirs");
    const connection = await connect({ servers: server.url });
    connection.publish("theirs.ready", "{}");
    await connection.flush();
    const [one] = await queue.receive({ max: 1, waitMs: 20_000 });
    expect(one).toMatchObject({ id: "nats-1", body: "{}", attributes: {}, attempts: 1 });
    await Promise.all([queue.close(), connection.close()]);
  });

  test.each(["a.b", "a b", "", "x".repeat(65)])("%j is no name of a queue", async (name) => {
    await expect(open(name)).rejects.toMatchObject({ code: "invalid" });
  });

  test("doctor is told its version, and opens nothing", async () => {
    expect(await probeNats(server.url)).toEqual({ place: server.url.slice("nats://".length), version: expect.stringMatching(/^2\./u) });
  });
});
