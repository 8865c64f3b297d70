/** The contract on a server that speaks as SQS does, and what is of SQS alone. */
import { CreateQueueCommand, SetQueueAttributesCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { Notices } from "@windlass/ports";
import { noticesContract, realClock as clock } from "@windlass/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ACCOUNT, sqsFixture, type SqsFixture } from "./sqs-fixture.ts";
import { openSqsNotices } from "./sqs-notices.ts";

const credentials = { accessKeyId: "test", secretAccessKey: "test" };

describe("notices over SQS", () => {
  let sqs: SqsFixture;
  let queues = 0;
  const open = (name: string, more: { readonly visibilityMs?: number; readonly attemptsMax?: number } = {}): Promise<Notices> =>
    openSqsNotices({ url: sqs.urlOf(name), visibilityMs: 60_000, attemptsMax: 3, credentials, clock, ...more });
  beforeAll(async () => {
    sqs = await sqsFixture();
  });
  afterAll(() => sqs.stop());

  noticesContract("SQS", async () => {
    const name = `queue-${++queues}`;
    sqs.server.createQueue(name, { region: "us-east-1" });
    return { connect: (options) => open(name, options), restart: () => sqs.restart(), close: async () => {} };
  });

  test("a queue that is not there is told with how to make it", async () => {
    await expect(open("none")).rejects.toMatchObject({
      code: "not_found",
      message: expect.stringContaining("create-queue --queue-name none"),
    });
  });

  test("dead letters go where the redrive policy of the queue says, and as often as it says", async () => {
    const client = new SQSClient({ endpoint: sqs.server.address, region: "us-east-1", credentials });
    for (const QueueName of ["own", "own-letters"]) await client.send(new CreateQueueCommand({ QueueName }));
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: `arn:aws:sqs:us-east-1:${ACCOUNT}:own-letters`, maxReceiveCount: 2 });
    await client.send(new SetQueueAttributesCommand({ QueueUrl: sqs.urlOf("own"), Attributes: { RedrivePolicy } }));
    const queue = await open("own", { attemptsMax: 5 });
    expect(queue.attemptsMax).toBe(2);
    await queue.send([{ id: "x", body: "{}", attributes: {} }]);
    const receive = () => queue.receive({ max: 1, waitMs: 20_000 });
    for (let i = 0; i < 2; i++) for (const one of await receive()) await queue.retry(one, { delayMs: 0, counts: true });
    expect(await queue.receive({ max: 1, waitMs: 0 })).toEqual([]);
    expect((await queue.dead.look({ limit: 9 })).letters).toMatchObject([{ id: "x", reason: "attempts_exhausted", attempts: 2 }]);
    expect(sqs.server.inspectQueue("own-letters")?.messages.ready).toHaveLength(1);
    await queue.close();
  });

  test("one whose policy names a queue that is gone is refused with its name", async () => {
    const client = new SQSClient({ endpoint: sqs.server.address, region: "us-east-1", credentials });
    for (const QueueName of ["astray", "astray-letters"]) await client.send(new CreateQueueCommand({ QueueName }));
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: `arn:aws:sqs:us-east-1:${ACCOUNT}:astray-letters`, maxReceiveCount: 2 });
    await client.send(new SetQueueAttributesCommand({ QueueUrl: sqs.urlOf("astray"), Attributes: { RedrivePolicy } }));
    sqs.server.deleteQueue("astray-letters", { region: "us-east-1" });
    await expect(open("astray")).rejects.toMatchObject({ code: "not_found", message: expect.stringContaining("astray-letters") });
  });

  test("a letter that is too large with what a redrive adds is named, and the others go on", async () => {
    const client = new SQSClient({ endpoint: sqs.server.address, region: "us-east-1", credentials });
    await client.send(new CreateQueueCommand({ QueueName: "small", Attributes: { MaximumMessageSize: "1024" } }));
    client.destroy();
    const queue = await open("small");
    // The queue of the dead letters takes more.
    for (const length of [2, 1_024, 3]) await sqs.put("small-dead", { body: "x".repeat(length), attributes: {} });
    const { letters } = await queue.dead.look({ limit: 9 });
    const large = letters.find(({ body }) => body.length === 1_024)?.letterId;
    const { sent, refused, fault } = await queue.dead.redrive(
      letters.map(({ letterId }) => letterId),
      () => ({}),
    );
    expect([letters.length, sent.length, fault]).toEqual([3, 2, null]);
    expect(refused).toEqual([{ letterId: large, why: expect.stringContaining("shorter than 1024 bytes") }]);
    await queue.close();
  });

  test("where nobody listens it is unavailable", async () => {
    const url = `http://127.0.0.1:1/${ACCOUNT}/x`;
    await expect(openSqsNotices({ url, visibilityMs: 1_000, attemptsMax: 3, credentials, clock })).rejects.toMatchObject({
      code: "unavailable",
    });
  });
});
