/** The contract on a real server, and what is of NATS alone. */
import { connect, headers } from "@nats-io/transport-node";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { Notices, ReceivedNotice } from "@windlass/ports";
import { noticesContract, realClock as clock, seededRandom, testNats, type NatsServer } from "@windlass/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openNatsNotices } from "./nats-notices.ts";
import { probeNats } from "./probe-nats.ts";

const nats = testNats();

describe.skipIf(nats.missing)("notices over NATS", () => {
  let server: NatsServer;
  let queues = 0;
  const open = (name: string, more: { readonly visibilityMs?: number; readonly attemptsMax?: number } = {}): Promise<Notices> =>
    openNatsNotices({ url: server.url, name, visibilityMs: 60_000, attemptsMax: 3, clock, random: seededRandom(1), ...more });
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

  test("one whose headers are none is received like the others, and can be given back and buried", async () => {
    const queue = await open("strange");
    const connection = await connect({ servers: server.url });
    const strange = headers();
    // What the library would refuse to write, another program writes.
    Reflect.get(strange, "headers").set("No Name", ["x"]);
    connection.publish("strange.ready", '{"i":1}', { headers: strange });
    connection.publish("strange.ready", '{"i":2}');
    // The server has them with a flush, and its queue a moment later.
    await expect.poll(async () => (await queue.figures()).waiting).toBe(2);
    const all = await queue.receive({ max: 2, waitMs: 20_000 });
    expect(all.map(({ body }) => body)).toEqual(['{"i":1}', '{"i":2}']);
    for (const one of all) await queue.deadLetter(one, { reason: "schema", message: "no" });
    expect((await queue.dead.look({ limit: 9 })).letters.map(({ body }) => body)).toEqual(['{"i":1}', '{"i":2}']);
    await Promise.all([queue.close(), connection.close()]);
  });

  test("a look through very many is cut short, and whoever goes on behind it finds the rest", async () => {
    const queue = await open("many");
    const connection = await connect({ servers: server.url });
    const count = 10_050;
    for (let i = 1; i <= count; i++) connection.publish("many.dead", String(i));
    await connection.flush();
    await expect.poll(async () => (await queue.figures()).dead, { timeout: 60_000, interval: 100 }).toBe(count);
    const fits = ({ body }: { readonly body: string }): boolean => body === String(count);
    const first = await queue.dead.look({ limit: 5, fits });
    expect([first.letters, first.next === null]).toEqual([[], false]);
    const rest = await queue.dead.look({ limit: 5, fits, after: first.next ?? "" });
    expect([rest.letters.map(({ body }) => body), rest.next, rest.unseen]).toEqual([[String(count)], null, null]);
    await Promise.all([queue.close(), connection.close()]);
  });

  test("what two redrive at once is counted by one of them", async () => {
    const queues = [await open("twice"), await open("twice")] as const;
    const connection = await connect({ servers: server.url });
    for (let i = 0; i < 40; i++) await jetstream(connection).publish("twice.dead", "{}");
    const ids = (await queues[0].dead.look({ limit: 100 })).letters.map(({ letterId }) => letterId);
    const both = await Promise.all(queues.map(({ dead }) => dead.redrive(ids, () => ({}))));
    expect(both.flatMap(({ sent }) => sent).toSorted()).toEqual(ids.toSorted());
    await Promise.all([...queues.map((queue) => queue.close()), connection.close()]);
  });

  test("a letter that is too large with what a redrive adds is named, and the others go on", async () => {
    const queue = await open("large");
    const connection = await connect({ servers: server.url });
    // The queue of dead letters takes whatever NATS does.
    for (const bytes of [10, 400_000, 10]) await jetstream(connection).publish("large.dead", "x".repeat(bytes));
    const [first = "", large = "", last = ""] = (await queue.dead.look({ limit: 9 })).letters.map(({ letterId }) => letterId);
    const { sent, refused, fault } = await queue.dead.redrive([first, large, last], () => ({}));
    expect([sent, fault]).toEqual([[first, last], null]);
    expect(refused).toEqual([{ letterId: large, why: expect.stringContaining("size") }]);
    // For any message, and not only for this stream.
    const attributes = { long: "x".repeat(1_100_000) };
    expect(await queue.dead.redrive([large], () => ({ attributes }))).toMatchObject({
      sent: [],
      refused: [{ letterId: large }],
      fault: null,
    });
    expect(await queue.dead.remove([large, last])).toEqual({ removed: 1, fault: null });
    await Promise.all([queue.close(), connection.close()]);
  });

  test("who can publish cannot have a copy of ours dropped by guessing its id", async () => {
    const queue = await open("guessed");
    await queue.send([{ id: "a", body: "{}", attributes: {} }]);
    const [one] = await queue.receive({ max: 1, waitMs: 20_000 });
    const connection = await connect({ servers: server.url });
    await jetstream(connection).publish("guessed.dead", "no letter", { msgID: "guessed.dead/1/1" });
    await queue.deadLetter(one as ReceivedNotice, { reason: "schema", message: "no" });
    expect((await queue.dead.look({ limit: 9 })).letters.map(({ id }) => id)).toContain("a");
    await Promise.all([queue.close(), connection.close()]);
  });

  test("a connection that is lost for good is no empty queue: it is told, and that it is to be opened anew", async () => {
    const own = await nats.start();
    const queue = await openNatsNotices({
      url: own.url,
      name: "lost",
      visibilityMs: 60_000,
      attemptsMax: 3,
      clock,
      random: seededRandom(1),
    });
    await own.stop();
    await expect(queue.receive({ max: 1, waitMs: 200 })).rejects.toMatchObject({ code: "unavailable" });
    expect(queue.isOpen()).toBe(true);
    const waiting = queue.receive({ max: 1, waitMs: 20_000 });
    await queue.close();
    expect([await waiting, queue.isOpen()]).toEqual([[], false]);
  });

  test.each(["a.b", "a b", "", "x".repeat(65)])("%j is no name of a queue", async (name) => {
    await expect(open(name)).rejects.toMatchObject({ code: "invalid" });
  });

  test("doctor is told its version, and opens nothing", async () => {
    expect(await probeNats(server.url)).toEqual({ place: server.url.slice("nats://".length), version: expect.stringMatching(/^2\./u) });
  });
});
