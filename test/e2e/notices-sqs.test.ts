/** Notices over SQS: what a schedule makes is told to the queue and taken from it, signed; what cannot be followed is redriven. */
import { openSqsNotices } from "@windlass/sqs";
import type { Notices } from "@windlass/ports";
import { realClock, testPostgres } from "@windlass/testkit";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { sqsFixture, type SqsFixture } from "../../drivers/sqs/src/sqs-fixture.ts";
import { stranger, until, workflowOf, type Stranger } from "./stranger.ts";

const postgres = testPostgres();
const PATIENCE = { timeout: 60_000, interval: 200 };
const AWS = { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" };

describe.skipIf(postgres.missing)("a dispatcher and a spawner with SQS between", () => {
  let sqs: SqsFixture;
  let me: Stranger;
  let there: Stranger;
  let queue: Notices;
  beforeAll(async () => {
    await postgres.start();
    sqs = await sqsFixture();
    sqs.server.createQueue("windlass");
    [me, there] = [stranger(), stranger()];
    queue = await openSqsNotices({
      url: sqs.urlOf("windlass"),
      visibilityMs: 300_000,
      attemptsMax: 10,
      clock: realClock,
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    });
  });
  afterAll(async () => {
    await there.leave();
    await me.leave();
    await queue.close();
    await sqs.stop();
    await postgres.stop();
  });

  test("what the dispatcher makes the spawner hears of, and a dead letter is sent again and runs", async () => {
    const store = await postgres.schema();
    const keys = { WINDLASS_SECRETS_KEYS: Buffer.alloc(32, 9).toString("base64") };
    const server = await me.serverWith(keys, "--store", store);
    const environment = {
      ...AWS,
      ...keys,
      WINDLASS_NOTICES_URL: sqs.urlOf("windlass"),
      WINDLASS_NOTICES_SIGNING: "off",
      WINDLASS_RUNNER_URL: server.url,
    };
    const spawning = there.start(["spawner", "--store", store], environment);
    const dispatching = me.start(["dispatcher", "--store", store], environment);
    await until(spawning, "Takes notices");
    await until(dispatching, "Looks after schedules");
    for (const name of ["greet", "late"]) me.write(`${name}.yaml`, workflowOf(name, "true"));
    await me.windlass("workflows", "apply", "greet.yaml");
    await me.windlass("schedules", "create", "greet", "--workflow", "greet", "--every", "2s");
    const succeeded = async (name: string): Promise<number> => {
      const { stdout } = await me.windlass("jobs", "list", "--name", name, "--state", "succeeded", "--json");
      return (JSON.parse(stdout) as { items: unknown[] }).items.length;
    };
    await vi.waitFor(async () => expect(await succeeded("greet")).toBeGreaterThan(1), PATIENCE);
    const body = { version: 1, type: "execution", workflow_id: "late", trigger_type: "event" };
    const times = { nominal_time: "2026-01-31T09:00:00Z", sent_at: "2026-01-31T09:00:00Z" };
    await queue.send([{ id: "a", body: JSON.stringify({ ...body, ...times }), attributes: {} }]);
    const letter = await vi.waitFor(async () => {
      const [one] = (await queue.dead.look({ limit: 10 })).letters;
      expect(one).toMatchObject({ id: "a", reason: "unknown_workflow" });
      return one;
    }, PATIENCE);
    await me.windlass("workflows", "apply", "late.yaml");
    const letterId = letter?.letterId ?? "";
    expect(await queue.dead.redrive([letterId], () => ({}))).toEqual({ sent: [letterId], refused: [], fault: null });
    await vi.waitFor(async () => expect(await succeeded("late")).toBe(1), PATIENCE);
    for (const { pid } of [spawning, dispatching]) process.kill(pid, "SIGTERM");
    expect([(await dispatching.ended).code, (await spawning.ended).code]).toEqual([0, 0]);
  });
});
