/** How the queue of dead letters is looked through, on a server that speaks as SQS does. */
import { SendMessageBatchCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { DeadNotices } from "@windlass/ports";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { attributesOf, type OwnWords } from "./attributes.ts";
import { sqsDeadNotices } from "./dead-notices.ts";
import { callsOf, type Calls } from "./queue.ts";
import { sqsFixture, type SqsFixture } from "./sqs-fixture.ts";

const COUNT = 60;

describe("dead letters at SQS", () => {
  let sqs: SqsFixture;
  let client: SQSClient;
  let calls: Calls;
  let url: string;
  let queues = 0;
  /** How often the queue was asked for messages. */
  let received = 0;
  let sent: OwnWords[] = [];
  /** How long each look at the clock takes. */
  let stepMs = 0;
  let dead: DeadNotices;
  beforeAll(async () => {
    sqs = await sqsFixture();
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    client = new SQSClient({ endpoint: sqs.server.address, region: "us-east-1", credentials });
  });
  afterAll(async () => {
    client.destroy();
    await sqs.stop();
  });
  beforeEach(async () => {
    const name = `dead-${++queues}`;
    sqs.server.createQueue(name, { region: "us-east-1" });
    url = sqs.urlOf(name);
    const real = callsOf(client);
    [calls, received, sent, stepMs] = [real, 0, [], 0];
    const counted: Calls = {
      ...real,
      receive: (...given) => {
        received++;
        return real.receive(...given);
      },
    };
    let now = 0;
    dead = sqsDeadNotices({
      calls: counted,
      deadUrl: url,
      attemptsMax: 3,
      clock: { monotonic: () => (now += stepMs) },
      send: async (told) => void sent.push(told),
      asking: (call) => call(),
    });
    for (let from = 0; from < COUNT; from += 10)
      await client.send(
        new SendMessageBatchCommand({
          QueueUrl: url,
          Entries: Array.from({ length: 10 }, (_, i) => ({
            Id: String(i),
            MessageBody: "{}",
            MessageAttributes: attributesOf({ id: `n-${from + i}`, attributes: {}, reason: "schema", message: "no" }),
          })),
        }),
      );
  });

  /** What everybody can receive, and what nobody can. */
  async function visible(): Promise<readonly [number, number]> {
    const names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"] as const;
    const counts = await calls.attributes(url, names);
    return [Number(counts[names[0]]), Number(counts[names[1]])];
  }
  const allIds = async (): Promise<readonly string[]> => (await dead.look({ limit: 100 })).letters.map(({ letterId }) => letterId);

  test("one scan serves many ids, and gives all back that is left", async () => {
    const ids = await allIds();
    expect([ids.length, await visible()]).toEqual([COUNT, [COUNT, 0]]);
    received = 0;
    expect(await dead.redrive([...ids.slice(0, 25), "none"], () => ({}))).toEqual({ sent: expect.any(Array), fault: null });
    expect([sent.length, sent[0]?.redrives]).toEqual([25, 1]);
    expect(received).toBeLessThanOrEqual(COUNT / 10 + 2);
    expect(await visible()).toEqual([COUNT - 25, 0]);
    received = 0;
    expect(await dead.remove([...ids.slice(20, 35)])).toBe(10);
    expect(received).toBeLessThanOrEqual(COUNT / 10 + 2);
    expect(await visible()).toEqual([COUNT - 35, 0]);
  });

  test("it ends with the last that was asked for", async () => {
    const [wanted = ""] = await allIds();
    received = 0;
    expect((await dead.look({ limit: 9, letterIds: new Set([wanted]) })).letters).toMatchObject([{ letterId: wanted }]);
    // Wherever it lies: who looks for the end asks once more.
    expect(received).toBeLessThanOrEqual(COUNT / 10);
    expect(await visible()).toEqual([COUNT, 0]);
    received = 0;
    expect(await dead.look({ limit: 9, letterIds: new Set() })).toEqual({ letters: [], next: null, unseen: null });
    expect([await dead.redrive([], () => ({})), await dead.remove([]), received]).toEqual([{ sent: [], fault: null }, 0, 0]);
  });

  test("it ends with its time, tells what it did not see, and hides nothing any longer", async () => {
    stepMs = 20_000;
    const { letters, unseen } = await dead.look({ limit: 100 });
    expect(letters.length).toBeGreaterThan(0);
    expect(letters.length).toBeLessThan(COUNT);
    expect(unseen).toContain(`SQS showed ${letters.length} dead letters, and says that there are about ${COUNT - letters.length} more`);
    expect(await visible()).toEqual([COUNT, 0]);
    stepMs = 0;
    const ids = await allIds();
    stepMs = 20_000;
    const { sent: done, fault } = await dead.redrive(ids, () => ({}));
    expect([done.length < COUNT, fault]).toEqual([true, expect.stringContaining("more than one look can take")]);
    expect(await visible()).toEqual([COUNT - done.length, 0]);
  });

  test("what somebody else looks at now is told", async () => {
    const others = await calls.receive(url, { max: 5, waitSeconds: 0, hiddenSeconds: 60 });
    const { letters, unseen } = await dead.look({ limit: 100 });
    expect(letters).toHaveLength(COUNT - others.length);
    expect(unseen).toContain(`about ${others.length} more: somebody else has received the others`);
    expect(await visible()).toEqual([COUNT - others.length, others.length]);
  });

  test("what goes wrong in between hides none of them, and what was done is told", async () => {
    const fits = (): never => {
      throw new Error("no");
    };
    await expect(dead.look({ limit: 100, fits })).rejects.toThrow("no");
    expect(await visible()).toEqual([COUNT, 0]);
    const ids = await allIds();
    let times = 0;
    const how = (): object => {
      if (++times === 15) throw new Error("the key is gone");
      return {};
    };
    const { sent: done, fault } = await dead.redrive(ids, how);
    expect([done.length, fault]).toEqual([14, "the key is gone"]);
    expect(await visible()).toEqual([COUNT - 14, 0]);
    await expect(dead.redrive(ids, fits)).rejects.toThrow("no");
    expect(await visible()).toEqual([COUNT - 14, 0]);
  });

  test("two looks of one program do not keep each other from seeing", async () => {
    const both = await Promise.all([allIds(), allIds()]);
    expect(both.map((ids) => ids.length)).toEqual([COUNT, COUNT]);
  });
});
