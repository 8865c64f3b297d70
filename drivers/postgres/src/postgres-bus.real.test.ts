import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Bus, Clock } from "@windlass/ports";
import { testPostgres } from "@windlass/testkit";
import { connectionConfig } from "./connection.ts";
import { openPostgresBus } from "./postgres-bus.ts";

const postgres = testPostgres();

/** Retries come at once: the test waits for what they bring about. */
const clock: Clock = {
  now: () => 0,
  monotonic: () => 0,
  after(_delayMs, callback) {
    const waiting = setImmediate(callback);
    return () => clearImmediate(waiting);
  },
};

describe.skipIf(postgres.missing)("the bus over PostgreSQL", () => {
  let url: string;
  let a: Bus;
  let b: Bus;
  let heard: string[];

  beforeAll(() => postgres.start());
  afterAll(() => postgres.stop());
  beforeEach(async () => {
    url = await postgres.schema();
    [a, b] = [await openPostgresBus({ url, clock }), await openPostgresBus({ url, clock })];
    heard = [];
  });
  afterEach(() => Promise.all([a.close(), b.close()]));

  test("what one process publishes reaches the others, and itself once", async () => {
    const own: string[] = [];
    a.subscribe("ready", (key) => own.push(key));
    b.subscribe("ready", (key) => heard.push(key));
    b.subscribe("timer", (key) => heard.push(`timer ${key}`));
    a.publish("ready", "handler/default");
    a.publish("ready", "handler/mail");
    a.publish("timer", "");
    await expect.poll(() => heard).toEqual(["handler/default", "handler/mail", "timer "]);
    expect(own).toEqual(["handler/default", "handler/mail"]);
  });

  test("the same wake-up many times in one turn goes once, and many different ones all arrive", async () => {
    b.subscribe("ready", (key) => heard.push(key));
    for (let i = 0; i < 50; i++) a.publish("ready", "handler/default");
    const keys = Array.from({ length: 500 }, (_, index) => `handler/${"q".repeat(100)}-${index}`);
    for (const key of keys) a.publish("ready", key);
    await expect.poll(() => heard).toEqual(["handler/default", ...keys]);
  });

  test("what is published while something is being sent goes together", async () => {
    const listener = new pg.Client(connectionConfig(url));
    await listener.connect();
    const told: unknown[] = [];
    listener.on("notification", ({ payload = "" }) => told.push(JSON.parse(payload)));
    await listener.query("LISTEN windlass");
    for (let i = 0; i < 4; i++) {
      a.publish("ready", `handler/${i}`);
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    }
    await expect
      .poll(() => told)
      .toEqual([
        [["ready", "handler/0"]],
        [
          ["ready", "handler/1"],
          ["ready", "handler/2"],
          ["ready", "handler/3"],
        ],
      ]);
    await listener.end();
  });

  test("who no longer listens hears nothing", async () => {
    const end = b.subscribe("events", () => heard.push("ended"));
    b.subscribe("events", () => heard.push("listens"));
    end();
    a.publish("events", "");
    await expect.poll(() => heard).toEqual(["listens"]);
  });

  test("a lost connection is made anew, and has those who listen look for what they may have missed", async () => {
    b.subscribe("woken", (key) => heard.push(key));
    const looks = (["events", "held", "access"] as const).map(
      (topic) => new Promise<string>((resolve) => void b.subscribe(topic, resolve)),
    );
    const killer = new pg.Client(connectionConfig(url));
    await killer.connect();
    await killer.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
    );
    await killer.end();
    expect(await Promise.all(looks)).toEqual(["", "", ""]);
    await expect
      .poll(() => {
        a.publish("woken", "again");
        return heard.length;
      })
      .toBeGreaterThan(0);
  });
});
