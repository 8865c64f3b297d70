/** The same messages by the brokers' own clients, each as its documentation says that it is quick: what a driver can come to at best. */
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, headers } from "@nats-io/transport-node";
import type { OutgoingNotice } from "@windlass/ports";

export interface PlainQueue {
  /** Resolves when all of them are stored at the broker. */
  send(notices: readonly OutgoingNotice[]): Promise<void>;
  /** Receives so many, and resolves when the broker has said that they are done with. */
  take(count: number): Promise<void>;
  close(): Promise<void>;
}

/** Read ahead, as `consume` does by itself. */
const AHEAD = 100;
/** What SQS takes in one call. */
const BATCH = 10;
export const SQS_CREDENTIALS = { accessKeyId: "test", secretAccessKey: "test" } as const;
const REGION = "us-east-1";

/** A work queue in files; publishes that are on their way together, a consumer that reads ahead, and acknowledgements that are answered. */
export async function plainNats(url: string, name: string): Promise<PlainQueue> {
  const connection = await connect({ servers: url });
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name, subjects: [name], retention: "workqueue", storage: "file" });
  await manager.consumers.add(name, { durable_name: name, ack_policy: "explicit", max_ack_pending: AHEAD * 10 });
  const client = jetstream(connection);
  return {
    async send(notices) {
      await Promise.all(
        notices.map(async ({ id, body, attributes }) => {
          const told = headers();
          for (const [key, value] of Object.entries(attributes)) told.set(key, value);
          await client.publish(name, body, { msgID: id, headers: told });
        }),
      );
    },
    async take(count) {
      const messages = await (await client.consumers.get(name, name)).consume({ max_messages: AHEAD });
      const acknowledged: Promise<boolean>[] = [];
      for await (const message of messages) {
        acknowledged.push(message.ackAck());
        if (acknowledged.length === count) break;
      }
      await Promise.all(acknowledged);
    },
    close: () => connection.close(),
  };
}

/** Batches of ten, one after the other. */
export async function plainSqs(url: string, name: string): Promise<PlainQueue> {
  const client = clientOf(url);
  const QueueUrl = await sqsQueue(url, name);
  return {
    async send(notices) {
      for (let from = 0; from < notices.length; from += BATCH) {
        const Entries = notices.slice(from, from + BATCH).map(({ body, attributes }, i) => ({
          Id: String(i),
          MessageBody: body,
          MessageAttributes: Object.fromEntries(
            Object.entries(attributes).map(([key, StringValue]) => [key, { DataType: "String", StringValue }]),
          ),
        }));
        await client.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
      }
    },
    async take(count) {
      for (let taken = 0; taken < count;) {
        const command = new ReceiveMessageCommand({
          QueueUrl,
          MaxNumberOfMessages: BATCH,
          WaitTimeSeconds: 5,
          MessageAttributeNames: ["All"],
        });
        const { Messages = [] } = await client.send(command);
        if (Messages.length === 0) throw new Error(`of ${count} messages ${taken} came`);
        const Entries = Messages.map(({ ReceiptHandle }, i) => ({ Id: String(i), ReceiptHandle }));
        await client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
        taken += Messages.length;
      }
    },
    async close() {
      client.destroy();
    },
  };
}

/** Makes it; returns its address. */
export async function sqsQueue(url: string, name: string): Promise<string> {
  const client = clientOf(url);
  const { QueueUrl = "" } = await client.send(new CreateQueueCommand({ QueueName: name }));
  client.destroy();
  // As it answers here, whatever host it thinks to have.
  return new URL(new URL(QueueUrl).pathname, url).toString();
}

function clientOf(url: string): SQSClient {
  return new SQSClient({ endpoint: url, region: REGION, credentials: SQS_CREDENTIALS, useQueueUrlAsEndpoint: false });
}
