/** Who decides what runs and who starts it, apart: a dispatcher and a spawner, with NATS between and PostgreSQL below. */
import { openNatsNotices } from "@windlass/nats";
import { openPostgresStore } from "@windlass/postgres";
import { realClock, seededRandom, testNats, testPostgres, type NatsServer } from "@windlass/testkit";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { stranger, until, workflowOf, type Stranger } from "./stranger.ts";

const postgres = testPostgres();
const nats = testNats();
const PATIENCE = { timeout: 60_000, interval: 200 };
const KEY = Buffer.alloc(32, 7).toString("base64");

describe.skipIf(postgres.missing || nats.missing)("a dispatcher and a spawner apart from servers", () => {
  let broker: NatsServer;
  let me: Stranger;
  let there: Stranger;
  beforeAll(async () => {
    await postgres.start();
    broker = await nats.start();
    me = stranger();
    there = stranger();
  });
  afterAll(async () => {
    await there.leave();
    await me.leave();
    await broker.stop();
    await postgres.stop();
  });

  test("what the dispatcher makes the spawner hears of by the queue, and it runs", async () => {
    const store = await postgres.schema();
    const environment = { WINDLASS_NOTICES_URL: broker.url, WINDLASS_NOTICES_KEYS: KEY, WINDLASS_RUNNER_URL: "http://127.0.0.1:1" };
    const first = await me.server("--store", store);
    me.write("greet.yaml", workflowOf("greet", "echo hello"));
    await me.windlass("workflows", "apply", "greet.yaml");
    await me.windlass("schedules", "create", "greet", "--workflow", "greet", "--every", "2s");
    process.kill(first.pid, "SIGTERM");
    await first.ended;
    const dispatching = me.start(["dispatcher", "--store", store], environment);
    await until(dispatching, "Looks after schedules");
    const limits = { visibilityMs: 300_000, attemptsMax: 10 };
    const queue = await openNatsNotices({ url: broker.url, name: "windlass", clock: realClock, random: seededRandom(1), ...limits });
    await vi.waitFor(async () => expect((await queue.figures()).waiting).toBeGreaterThan(0), PATIENCE);
    const spawning = there.start(["spawner", "--store", store], environment);
    await until(spawning, "Takes notices");
    await vi.waitFor(async () => expect(await queue.figures()).toMatchObject({ waiting: 0, received: 0, dead: 0 }), PATIENCE);
    await queue.close();
    // A step that runs when its spawner ends waits for that spawner's host: so all is looked at while it is there.
    await me.server("--store", store);
    await vi.waitFor(async () => {
      const { stdout } = await me.windlass("jobs", "list", "--name", "greet", "--state", "succeeded", "--json");
      expect((JSON.parse(stdout) as { items: unknown[] }).items.length).toBeGreaterThan(1);
    }, PATIENCE);
    for (const one of [dispatching, spawning]) process.kill(one.pid, "SIGTERM");
    expect([(await dispatching.ended).code, (await spawning.ended).code]).toEqual([0, 0]);
  });

  test("it makes the runners of isolated executions, and neither carries other jobs out nor fires schedules", async () => {
    const url = await postgres.schema();
    const data = ["--store", url, "--data", "alone"];
    const keys = { WINDLASS_SECRETS_KEYS: Buffer.alloc(32, 9).toString("base64") };
    // A server that leaves processes to others, which a spawner is not one of.
    const server = await me.serverWith({ ...keys, WINDLASS_PROCESS_RUNNING_MAX: "0" }, ...data);
    const environment = {
      ...keys,
      WINDLASS_NOTICES_URL: broker.url,
      WINDLASS_NOTICES_QUEUE: "alone",
      WINDLASS_NOTICES_SIGNING: "off",
      WINDLASS_RUNNER_URL: server.url,
    };
    const spawning = there.start(["spawner", "--store", url, "--data", "alone"], environment);
    await until(spawning, "Takes notices");
    me.write("plain.yaml", workflowOf("plain", "echo ran >> plain"));
    me.write("apart.yaml", workflowOf("apart", "true").replace("metadata:", "isolation: job\nmetadata:"));
    expect((await me.windlass("run", "plain.yaml", "--data", "alone")).code).toBe(0);
    expect((await me.windlass("run", "apart.yaml", "--wait", "--data", "alone")).code).toBe(0);
    const steps = async (): Promise<unknown> => {
      const { stdout } = await me.windlass("jobs", "list", "--all", "--name", "work", "--json", "--data", "alone");
      return (JSON.parse(stdout) as { items: { executor: string; state: string; attempts: number }[] }).items
        .map(({ executor, state, attempts }) => `${executor} ${state} ${attempts}`)
        .toSorted();
    };
    expect(await steps()).toEqual(["handler succeeded 1", "process queued 0"]);

    me.write("tick.yaml", TICK);
    expect((await me.windlass("workflows", "apply", "plain.yaml", "--data", "alone")).code).toBe(0);
    expect((await me.windlass("schedules", "apply", "tick.yaml", "--data", "alone")).code).toBe(0);
    process.kill(server.pid, "SIGTERM");
    await server.ended;
    const store = await openPostgresStore({ url, clock: realClock });
    // Three times of it have passed, and nobody has looked.
    await vi.waitFor(async () => {
      const due = (await store.schedules.get("default", "tick"))?.cursor.nextAt ?? Infinity;
      expect(due).toBeLessThan(Date.now() - 3_000);
    }, PATIENCE);
    await store.close();
    process.kill(spawning.pid, "SIGTERM");
    expect((await spawning.ended).code).toBe(0);
  });

  test("the same notice twice, to two spawners at once, makes one execution and one runner; of ten with one malformed nine run", async () => {
    const store = await postgres.schema();
    const keys = { WINDLASS_SECRETS_KEYS: Buffer.alloc(32, 9).toString("base64") };
    const server = await me.serverWith(keys, "--store", store, "--data", "twice");
    me.write("once.yaml", workflowOf("once", "echo hello").replace("metadata:", "isolation: job\nmetadata:"));
    expect((await me.windlass("workflows", "apply", "once.yaml", "--data", "twice")).code).toBe(0);
    const limits = { visibilityMs: 300_000, attemptsMax: 10 };
    const queue = await openNatsNotices({ url: broker.url, name: "twice", clock: realClock, random: seededRandom(2), ...limits });
    const environment = {
      ...keys,
      WINDLASS_NOTICES_URL: broker.url,
      WINDLASS_NOTICES_QUEUE: "twice",
      WINDLASS_NOTICES_SIGNING: "off",
      WINDLASS_RUNNER_URL: server.url,
    };
    const spawners = ["first", "second"].map((data) => there.start(["spawner", "--store", store, "--data", data], environment));
    for (const spawner of spawners) await until(spawner, "Takes notices");
    const bodies = Array.from({ length: 10 }, (_, i) =>
      i === 4 ? "{" : noticeOf({ schedule_id: "hourly", nominal_time: `2026-01-31T0${i}:00:00Z` }),
    );
    for (const sender of ["a", "b"]) await queue.send(bodies.map((body, i) => ({ id: `${sender}-${i}`, body, attributes: {} })));
    const list = async (...filter: string[]): Promise<{ parentId: string | null }[]> => {
      const { stdout } = await me.windlass("jobs", "list", "--all", "--limit", "100", "--json", "--data", "twice", ...filter);
      return (JSON.parse(stdout) as { items: { parentId: string | null }[] }).items;
    };
    await vi.waitFor(async () => expect(await list("--name", "once", "--state", "succeeded")).toHaveLength(9), PATIENCE);
    await vi.waitFor(async () => expect(await queue.figures()).toMatchObject({ waiting: 0, received: 0, dead: 2 }), PATIENCE);
    expect(await list("--name", "once")).toHaveLength(9);
    const runners = (await list("--name", "runner")).map(({ parentId }) => parentId);
    expect([runners.length, new Set(runners).size]).toEqual([9, 9]);
    for (const { pid } of spawners) process.kill(pid, "SIGTERM");
    expect(await Promise.all(spawners.map(async ({ ended }) => (await ended).code))).toEqual([0, 0]);
    await queue.close();
  });

  test("a spawner without a queue says what is to be set", async () => {
    const { code, stderr } = await there.windlass("spawner");
    expect([code, stderr]).toEqual([2, expect.stringContaining("WINDLASS_NOTICES_URL")]);
    const addressless = await there.start(["spawner"], { WINDLASS_NOTICES_URL: broker.url }).ended;
    expect([addressless.code, addressless.stderr]).toEqual([2, expect.stringContaining("WINDLASS_RUNNER_URL")]);
  });
});

const TICK = "apiVersion: windlass.dev/v1\nkind: Schedule\nmetadata: {name: tick}\nworkflow: plain\nevery: 1s\n";

function noticeOf(more: object): string {
  const sent = { trigger_type: "schedule", sent_at: "2026-01-31T09:00:00Z" };
  return JSON.stringify({ version: 1, type: "execution", workflow_id: "once", ...sent, ...more });
}
