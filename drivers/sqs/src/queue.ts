/** A queue of SQS with the queue of its dead letters: the calls, and what is made or checked when it is opened. */
import { messageOf, WindlassError } from "@windlass/kernel";
import {
  ChangeMessageVisibilityBatchCommand,
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SetQueueAttributesCommand,
  type Message,
  type QueueAttributeName,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import type { QueueAddress } from "./address.ts";

/** What SQS takes in one call. */
export const BATCH_MAX = 10;
/** Thousands of messages are given back in seconds. */
const CALLS_AT_ONCE = 8;
/** The longest that SQS keeps anything: 14 days. */
const RETENTION_SECONDS = "1209600";

export interface DeadQueue {
  /** Of the queue whose dead letters these are. */
  readonly arn: string;
  readonly deadUrl: string;
  /** SQS itself moves what was received more often. */
  readonly receivesMax: number;
}

export interface Calls {
  /** Of this queue. */
  attributes(queueUrl: string, names: readonly QueueAttributeName[]): Promise<Partial<Record<string, string>>>;
  receive(
    queueUrl: string,
    wanted: { readonly max: number; readonly waitSeconds: number; readonly hiddenSeconds: number; readonly signal?: AbortSignal },
  ): Promise<readonly Message[]>;
  /** How many were there. */
  remove(queueUrl: string, handles: readonly string[]): Promise<number>;
  hide(queueUrl: string, handles: readonly string[], seconds: number): Promise<void>;
}

export function callsOf(client: SQSClient): Calls {
  const batches = async <Answer>(
    handles: readonly string[],
    call: (entries: { Id: string; ReceiptHandle: string }[]) => Promise<Answer>,
  ) => {
    const answers: Answer[] = [];
    const entriesFrom = (first: number) =>
      handles.slice(first, first + BATCH_MAX).map((ReceiptHandle, i) => ({ Id: String(i), ReceiptHandle }));
    for (let first = 0; first < handles.length; first += BATCH_MAX * CALLS_AT_ONCE) {
      const firsts = Array.from({ length: CALLS_AT_ONCE }, (_, i) => first + i * BATCH_MAX).filter((one) => one < handles.length);
      answers.push(...(await Promise.all(firsts.map((one) => call(entriesFrom(one))))));
    }
    return answers;
  };
  return {
    async attributes(QueueUrl, names) {
      return (await client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...names] }))).Attributes ?? {};
    },
    async receive(QueueUrl, { max, waitSeconds, hiddenSeconds, signal }) {
      const command = new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: Math.min(BATCH_MAX, max),
        WaitTimeSeconds: waitSeconds,
        VisibilityTimeout: hiddenSeconds,
        MessageAttributeNames: ["All"],
        MessageSystemAttributeNames: ["ApproximateReceiveCount", "SentTimestamp"],
      });
      return (await client.send(command, signal === undefined ? {} : { abortSignal: signal })).Messages ?? [];
    },
    async remove(QueueUrl, handles) {
      const answers = await batches(handles, (Entries) => client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries })));
      return answers.reduce((sum, { Successful = [] }) => sum + Successful.length, 0);
    },
    async hide(QueueUrl, handles, VisibilityTimeout) {
      // What is not ours any more fails alone, in the answer.
      await batches(handles, (entries) =>
        client.send(
          new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries: entries.map((entry) => ({ ...entry, VisibilityTimeout })) }),
        ),
      );
    },
  };
}

/**
 * Where the dead letters of a queue are: where its redrive policy says, else in a queue `NAME-dead` that is made, and named by a
 * policy. Throws `not_found` without the queue itself.
 */
export async function deadQueueOf(client: SQSClient, { queueUrl, name }: QueueAddress, receivesMax: number): Promise<DeadQueue> {
  const found = await client
    .send(new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ["RedrivePolicy", "QueueArn"] }))
    .catch((error: unknown) => {
      if (!isMissing(error)) throw error;
      throw new WindlassError("not_found", `there is no queue ${queueUrl}; make it: aws sqs create-queue --queue-name ${name}`, {
        cause: error,
      });
    });
  const arn = found.Attributes?.["QueueArn"] ?? queueUrl;
  const policy = policyOf(found.Attributes?.["RedrivePolicy"]);
  if (policy !== null) {
    const [account, deadName] = policy.arn.split(":").slice(-2);
    const { QueueUrl: deadUrl = "" } = await client
      .send(new GetQueueUrlCommand({ QueueName: deadName ?? "", ...(account === undefined ? {} : { QueueOwnerAWSAccountId: account }) }))
      .catch((error: unknown) => {
        throw new WindlassError(
          "not_found",
          `the queue ${name} sends its dead letters to ${policy.arn}, which cannot be opened: ${messageOf(error)}`,
          {
            cause: error,
          },
        );
      });
    return { arn, deadUrl, receivesMax: policy.receivesMax };
  }
  const { QueueUrl: deadUrl = "" } = await client.send(
    new CreateQueueCommand({ QueueName: `${name}-dead`, Attributes: { MessageRetentionPeriod: RETENTION_SECONDS } }),
  );
  const { Attributes: dead } = await client.send(new GetQueueAttributesCommand({ QueueUrl: deadUrl, AttributeNames: ["QueueArn"] }));
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: dead?.["QueueArn"], maxReceiveCount: receivesMax });
  await client.send(new SetQueueAttributesCommand({ QueueUrl: queueUrl, Attributes: { RedrivePolicy } }));
  return { arn, deadUrl, receivesMax };
}

function policyOf(text: string | undefined): { readonly arn: string; readonly receivesMax: number } | null {
  if (text === undefined || text === "") return null;
  const { deadLetterTargetArn, maxReceiveCount } = JSON.parse(text) as { deadLetterTargetArn: string; maxReceiveCount: number | string };
  return { arn: deadLetterTargetArn, receivesMax: Number(maxReceiveCount) };
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && /QueueDoesNotExist|NonExistentQueue/u.test(error.name);
}
