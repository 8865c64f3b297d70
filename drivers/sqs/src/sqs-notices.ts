/** `Notices` (ports) over a standard queue of Amazon SQS, or of what speaks as it does. */
import { messageOf, NOTICE_BYTES_MAX, WindlassError, type NoticeFault } from "@windlass/kernel";
import {
  RETRY_DELAY_MS_MAX,
  type NoticeFigures,
  type Notices,
  type OutgoingNotice,
  type ReceivedNotice,
  type ReceiveRequest,
  type SentNotice,
  withoutExhausted,
  type Clock,
} from "@windlass/ports";
import { SendMessageBatchCommand, SendMessageCommand, SQSClient, type Message } from "@aws-sdk/client-sqs";
import { addressOf, type QueueAddress } from "./address.ts";
import { attributesOf, toldBy, type OwnWords } from "./attributes.ts";
import { sqsDeadNotices } from "./dead-notices.ts";
import { BATCH_MAX, callsOf, deadQueueOf, type Calls, type DeadQueue } from "./queue.ts";

export interface SqsNoticesOptions {
  /** See `addressOf`. */
  readonly url: string;
  /** Where SQS is, for emulators and private endpoints; empty: as the address says. */
  readonly endpoint?: string;
  /** Whole seconds; SQS knows no other. */
  readonly visibilityMs: number;
  readonly attemptsMax: number;
  readonly clock: Pick<Clock, "monotonic">;
  /** Left out: found as all programs for AWS find them. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

const WAIT_SECONDS_MAX = 20;
/** A way that swallows packets must not hold up a start, or what is sent. */
const CONNECT_MS_MAX = 5_000;
/** Longer than the longest wait for a message. */
const ANSWER_MS_MAX = 30_000;
/** Of all messages of a batch, with room for attributes: older servers take 256 KiB, as for a single one. */
const BATCH_BYTES_MAX: number = NOTICE_BYTES_MAX;

/** Makes the queue of the dead letters where there is none. Throws `unavailable`, `invalid` and `not_found`. */
export async function openSqsNotices(options: SqsNoticesOptions): Promise<Notices> {
  const { url, endpoint = "", credentials, attemptsMax } = options;
  const address = addressOf(url, endpoint);
  const client = new SQSClient({
    ...(address.region === undefined ? {} : { region: address.region }),
    ...(address.endpoint === null ? {} : { endpoint: address.endpoint, useQueueUrlAsEndpoint: false }),
    ...(credentials === undefined ? {} : { credentials }),
    requestHandler: { connectionTimeout: CONNECT_MS_MAX, requestTimeout: ANSWER_MS_MAX, throwOnRequestTimeout: true },
  });
  try {
    // One more than we let it have: so we see it, and can say why it died.
    return sqsNotices(client, { ...options, address, dead: await deadQueueOf(client, address, attemptsMax + 1) });
  } catch (error) {
    client.destroy();
    throw error instanceof WindlassError ? error : unavailable(address, error);
  }
}

/** One queue, with that of its dead letters. */
interface SqsQueue {
  readonly client: SQSClient;
  readonly calls: Calls;
  readonly address: QueueAddress;
  readonly dead: DeadQueue;
  readonly hiddenSeconds: number;
  readonly attemptsMax: number;
  /** Aborted once it is closed. */
  readonly closing: AbortSignal;
  readonly asking: <Answer>(call: () => Promise<Answer>) => Promise<Answer>;
}

function sqsNotices(
  client: SQSClient,
  { address, dead, visibilityMs, ...options }: SqsNoticesOptions & { readonly address: QueueAddress; readonly dead: DeadQueue },
): Notices {
  const { queueUrl } = address;
  const closing = new AbortController();
  const calls = callsOf(client);
  const hiddenSeconds = Math.max(1, secondsOf(visibilityMs));
  const attemptsMax = Math.min(options.attemptsMax, dead.receivesMax);
  const asking: SqsQueue["asking"] = async (call) => {
    try {
      return await call();
    } catch (error) {
      throw error instanceof WindlassError ? error : unavailable(address, error);
    }
  };
  const queue: SqsQueue = { client, calls, address, dead, hiddenSeconds, attemptsMax, closing: closing.signal, asking };
  return {
    identity: dead.arn,
    visibilityMs: hiddenSeconds * 1000,
    attemptsMax,
    dedupesMs: null,
    dead: sqsDeadNotices({
      ...queue,
      deadUrl: dead.deadUrl,
      clock: options.clock,
      async send(told, body, delayMs) {
        try {
          await sendOne(queue, { to: queueUrl, told, body, delayMs });
          return null;
        } catch (error) {
          if (isOfMessage(error)) return `SQS does not take it: ${messageOf(error)}`;
          throw error;
        }
      },
    }),
    send: (batch) => send(queue, batch),
    receive: (wanted) => receive(queue, wanted),
    extend: (notices) => asking(() => calls.hide(queueUrl, handlesOf(notices), hiddenSeconds)),
    acknowledge: (notices) => asking(async () => void (await calls.remove(queueUrl, handlesOf(notices)))),
    retry: (notice, how) => asking(() => retry(queue, notice, how)),
    deadLetter: (notice, why) => asking(() => deadLetter(queue, notice, why)),
    figures: () => asking(() => figures(queue)),
    isOpen: () => !closing.signal.aborted,
    async close() {
      closing.abort();
      client.destroy();
    },
  };
}

async function send({ client, address }: SqsQueue, batch: readonly OutgoingNotice[]): Promise<readonly SentNotice[]> {
  const answers = new Map<OutgoingNotice, SentNotice["fault"]>();
  for (const portion of portionsOf(batch))
    for (const [notice, fault] of await sendPortion(client, address, portion)) answers.set(notice, fault);
  // What is in no portion is too large by itself.
  return batch.map((notice) => ({ id: notice.id, fault: answers.has(notice) ? (answers.get(notice) ?? null) : TOO_LARGE }));
}

interface OneMessage {
  readonly to: string;
  readonly told: OwnWords;
  readonly body: string;
  readonly delayMs?: number;
}

async function sendOne({ client }: SqsQueue, { to, told, body, delayMs = 0 }: OneMessage): Promise<void> {
  const delay = delayMs === 0 ? {} : { DelaySeconds: secondsOf(delayMs) };
  await client.send(new SendMessageCommand({ QueueUrl: to, MessageBody: body, MessageAttributes: attributesOf(told), ...delay }));
}

async function receive(queue: SqsQueue, { max, waitMs, signal }: ReceiveRequest): Promise<readonly ReceivedNotice[]> {
  const { calls, address, hiddenSeconds, attemptsMax, closing, asking } = queue;
  const over = signal === undefined ? closing : AbortSignal.any([closing, signal]);
  if (over.aborted) return [];
  const wanted = { max, waitSeconds: Math.min(WAIT_SECONDS_MAX, secondsOf(waitMs)), hiddenSeconds, signal: over };
  const messages = await asking(() => calls.receive(address.queueUrl, wanted)).catch((error: unknown) => {
    if (over.aborted) return [];
    throw error;
  });
  // One that cannot be buried by us SQS moves when it is received once more.
  return withoutExhausted(messages.map(receivedOf), attemptsMax, (notice, why) => asking(() => deadLetter(queue, notice, why)));
}

async function retry(
  queue: SqsQueue,
  { id, body, attributes, attempts, firstAt, redrives, handle }: ReceivedNotice,
  { delayMs, counts }: { readonly delayMs: number; readonly counts: boolean },
): Promise<void> {
  const { calls, address } = queue;
  const wait = Math.min(delayMs, RETRY_DELAY_MS_MAX);
  if (counts) return calls.hide(address.queueUrl, [handle], secondsOf(wait));
  // SQS counts what it hands out; a new message carries on without this time.
  const told = { id, attributes, firstAt, redrives, attemptsBefore: attempts - 1 };
  await sendOne(queue, { to: address.queueUrl, told, body, delayMs: wait });
  await calls.remove(address.queueUrl, [handle]);
}

async function deadLetter(
  queue: SqsQueue,
  { id, body, attributes, attempts, firstAt, redrives, handle }: ReceivedNotice,
  why: { readonly reason: NoticeFault; readonly message: string },
): Promise<void> {
  await sendOne(queue, { to: queue.dead.deadUrl, told: { id, attributes, firstAt, redrives, attemptsBefore: attempts, ...why }, body });
  await queue.calls.remove(queue.address.queueUrl, [handle]);
}

async function figures({ calls, address, dead }: SqsQueue): Promise<NoticeFigures> {
  const [live, died] = await Promise.all([calls.attributes(address.queueUrl, COUNTS), calls.attributes(dead.deadUrl, COUNTS)]);
  const [waiting, received, later] = COUNTS.map((count) => Number(live[count] ?? 0)) as [number, number, number];
  const deadCount = COUNTS.reduce((sum, count) => sum + Number(died[count] ?? 0), 0);
  return { waiting: waiting + later, received, dead: deadCount, oldestAt: null };
}

const COUNTS = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"] as const;
const TOO_LARGE = { message: `its body has more than ${NOTICE_BYTES_MAX} bytes`, mayPass: false };

const handlesOf = (notices: readonly ReceivedNotice[]): readonly string[] => notices.map(({ handle }) => handle);
const secondsOf = (ms: number): number => Math.ceil(ms / 1000);

function receivedOf(message: Message): ReceivedNotice {
  const { id, attributes, attemptsBefore, times, firstAt, redrives } = toldBy(message);
  const counted = { attempts: attemptsBefore + times, firstAt, redrives };
  return { id, attributes, body: message.Body ?? "", ...counted, handle: message.ReceiptHandle ?? "" };
}

/** Of ten at most, and together no larger than one may be. What is too large by itself is in none of them. */
function portionsOf(batch: readonly OutgoingNotice[]): readonly (readonly OutgoingNotice[])[] {
  const portions: OutgoingNotice[][] = [];
  let bytes = Infinity;
  for (const notice of batch) {
    const size = Buffer.byteLength(notice.body);
    if (size > NOTICE_BYTES_MAX) continue;
    const last = portions.at(-1);
    if (last === undefined || last.length === BATCH_MAX || bytes + size > BATCH_BYTES_MAX) {
      portions.push([notice]);
      bytes = size;
    } else {
      last.push(notice);
      bytes += size;
    }
  }
  return portions;
}

async function sendPortion(
  client: SQSClient,
  { queueUrl, name }: QueueAddress,
  portion: readonly OutgoingNotice[],
): Promise<readonly (readonly [OutgoingNotice, SentNotice["fault"]])[]> {
  try {
    const { Failed = [] } = await client.send(
      new SendMessageBatchCommand({
        QueueUrl: queueUrl,
        Entries: portion.map((notice, i) => ({ Id: String(i), MessageBody: notice.body, MessageAttributes: attributesOf(notice) })),
      }),
    );
    return portion.map((notice, i) => {
      const failed = Failed.find(({ Id }) => Id === String(i));
      const message = `SQS: ${failed?.Message ?? failed?.Code ?? "refused"}`;
      return [notice, failed === undefined ? null : { message, mayPass: failed.SenderFault !== true }];
    });
  } catch (error) {
    return portion.map((notice) => [notice, { message: `SQS, queue ${name}: ${messageOf(error)}`, mayPass: true }]);
  }
}

/** What SQS says of one message that it does not take, and of no other: its size, or what stands in it. */
const OF_MESSAGE = /^(?:AWS\.SimpleQueueService\.)?(?:InvalidParameterValue|InvalidMessageContents|InvalidAttributeValue|MessageTooLong)/u;

function isOfMessage(error: unknown): boolean {
  return error instanceof Error && OF_MESSAGE.test(error.name);
}

function unavailable({ name }: QueueAddress, error: unknown): WindlassError {
  return new WindlassError("unavailable", `SQS did not do with the queue ${name} what it was asked: ${messageOf(error)}`, { cause: error });
}
