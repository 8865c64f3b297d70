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
  /** Of what SQS does not take. */
  let refusedId = "";
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
      attributes: (...given) => calls.attributes(...given),
      receive: (...given) => {
        received++;
        return calls.receive(...given);
      },
    };
    refusedId = "";
    let now = 0;
    dead = sqsDeadNotices({
      calls: counted,
      deadUrl: url,
      attemptsMax: 3,
      clock: { monotonic: () => (now += stepMs) },
      async send(told) {
        sent.push(told);
        return told.id === refusedId ? "too large" : null;
      },
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
    expect(await dead.redrive([...ids.slice(0, 25), "none"], () => ({}))).toEqual({ sent: expect.any(Array), refused: [], fault: null });
    expect([sent.length, sent[0]?.redrives]).toEqual([25, 1]);
    expect(received).toBeLessThanOrEqual(COUNT / 10 + 2);
    expect(await visible()).toEqual([COUNT - 25, 0]);
    received = 0;
    expect(await dead.remove([...ids.slice(20, 35)])).toEqual({ removed: 10, fault: null });
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
    expect(await dead.redrive([], () => ({}))).toEqual({ sent: [], refused: [], fault: null });
    expect([await dead.remove([]), received]).toEqual([{ removed: 0, fault: null }, 0]);
  });

  test("it ends with its time, tells what it did not see, and hides nothing any longer", async () => {
    stepMs = 1_000;
    const { letters, unseen } = await dead.look({ limit: 100 });
    expect(letters.length).toBeGreaterThan(0);
    expect(letters.length).toBeLessThan(COUNT);
    expect(unseen).toContain(`SQS showed ${letters.length} dead letters, and says that there are about ${COUNT - letters.length} more`);
    expect(await visible()).toEqual([COUNT, 0]);
    stepMs = 0;
    const ids = await allIds();
    stepMs = 1_000;
    const { sent: done, fault } = await dead.redrive(ids, () => ({}));
    // The clock is looked at before each of them, and not before each ten.
    expect([done.length % 10 !== 0, done.length < COUNT, fault]).toEqual([
      true,
      true,
      expect.stringContaining("more than one look can take"),
    ]);
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
    calls = {
      ...callsOf(client),
      receive: async (...given) => {
        if (++times === 3) throw new Error("it is away");
        return callsOf(client).receive(...given);
      },
    };
    const { sent: done, fault } = await dead.redrive(ids, () => ({}));
    expect([done.length, fault]).toEqual([20, "it is away"]);
    expect(await visible()).toEqual([COUNT - 20, 0]);
    times = 1;
    expect(await dead.remove(ids.slice(20))).toEqual({ removed: 10, fault: "it is away" });
    expect(await visible()).toEqual([COUNT - 30, 0]);
    times = 2;
    await expect(dead.redrive(ids, () => ({}))).rejects.toThrow("away");
    times = 2;
    await expect(dead.remove(ids)).rejects.toThrow("away");
    expect(await visible()).toEqual([COUNT - 30, 0]);
  });

  test("one that SQS does not take is given back and named, and the others go on", async () => {
    refusedId = "n-7";
    const { letters } = await dead.look({ limit: 100 });
    const all = letters.map(({ letterId }) => letterId);
    const { sent: done, refused, fault } = await dead.redrive(all, () => ({}));
    const letterId = letters.find(({ id }) => id === refusedId)?.letterId;
    expect([done.length, refused, fault]).toEqual([COUNT - 1, [{ letterId, why: "too large" }], null]);
    expect(await visible()).toEqual([1, 0]);
  });

  test.each([
    ["far too many", COUNT, 0],
    ["nothing at all", 0, 0],
    ["too few", 5, 0],
  ])("counts that are late are no reason to say that some were not seen, nor to see fewer: %s", async (_, shown, hidden) => {
    const waits: number[] = [];
    const real = callsOf(client);
    calls = {
      ...real,
      receive(to, wanted) {
        waits.push(wanted.waitSeconds);
        return real.receive(to, wanted);
      },
      attributes: async () => ({ ApproximateNumberOfMessages: String(shown), ApproximateNumberOfMessagesNotVisible: String(hidden) }),
    };
    const { letters, unseen } = await dead.look({ limit: 100 });
    expect([letters.length, unseen, waits.at(-1)]).toEqual([COUNT, null, 1]);
    expect(await dead.look({ limit: 1, letterIds: new Set(["none"]) })).toEqual({ letters: [], next: null, unseen: null });
  });

  test("two looks of one program do not keep each other from seeing", async () => {
    const both = await Promise.all([allIds(), allIds()]);
    expect(both.map((ids) => ids.length)).toEqual([COUNT, COUNT]);
  });
});
