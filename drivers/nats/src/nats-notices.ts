/** `Notices` (ports) over NATS JetStream. */
import { messageOf, NOTICE_BYTES_MAX, WindlassError } from "@windlass/kernel";
import {
  RETRY_DELAY_MS_MAX,
  type Clock,
  type NoticeFigures,
  type Notices,
  type OutgoingNotice,
  type Random,
  type ReceivedNotice,
  type ReceiveRequest,
  type SentNotice,
  withoutExhausted,
} from "@windlass/ports";
import { jetstream, jetstreamManager, JetStreamApiError, type JetStreamClient, type JetStreamManager } from "@nats-io/jetstream";
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { connectNats, placeOf } from "./connection.ts";
import { natsDeadNotices } from "./dead-notices.ts";
import { copyIds } from "./copy-ids.ts";
import { headersIn, headersOf, toldBy, type Told } from "./headers.ts";
import { presence, type Presence } from "./presence.ts";
import { deliveryOf, puller, type Puller } from "./pull.ts";
import { makeQueue, namesOf, type QueueNames } from "./streams.ts";

export interface NatsNoticesOptions {
  /** See `connectNats`. */
  readonly url: string;
  /** Of the queue: its stream. */
  readonly name: string;
  readonly visibilityMs: number;
  readonly attemptsMax: number;
  readonly replicas?: number;
  readonly clock: Clock;
  readonly random: Pick<Random, "bytes">;
}

/** As long as NATS does by itself. It keeps an id in memory for so long. */
const DEDUPES_MS = 2 * 60_000;
/** Publishes that are on their way at a time. */
const SENDING_MAX = 256;
const CALL_MS_MAX = 5_000;

/** Makes what is not there yet. Throws `unavailable`, `tool_missing`, `invalid` and `conflict`. */
export async function openNatsNotices(options: NatsNoticesOptions): Promise<Notices> {
  const { url, name, visibilityMs, replicas = 1 } = options;
  namesOf(name);
  const connection = await connectNats(url);
  try {
    const manager = await jetstreamManager(connection, { timeout: CALL_MS_MAX });
    const createdAt = await makeQueue(manager, { name, visibilityMs, dedupesMs: DEDUPES_MS, replicas });
    return natsNotices(connection, manager, { ...options, identity: `${name}@${createdAt}` });
  } catch (error) {
    await connection.close();
    throw error instanceof WindlassError ? error : unavailable(url, error);
  }
}

/** One queue at one connection. */
interface NatsQueue {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
  readonly client: JetStreamClient;
  readonly names: QueueNames;
  readonly options: NatsNoticesOptions;
  readonly idOfCopy: (of: string) => string;
  readonly asking: <Answer>(call: () => Promise<Answer>) => Promise<Answer>;
}

function natsNotices(
  connection: NatsConnection,
  manager: JetStreamManager,
  { identity, ...options }: NatsNoticesOptions & { readonly identity: string },
): Notices {
  const { url, name, visibilityMs, attemptsMax, clock } = options;
  const asking: NatsQueue["asking"] = async (call) => {
    try {
      return await call();
    } catch (error) {
      throw error instanceof WindlassError ? error : unavailable(url, error);
    }
  };
  const client = jetstream(connection, { timeout: CALL_MS_MAX });
  const queue: NatsQueue = { connection, manager, client, names: namesOf(name), options, idOfCopy: copyIds(options.random), asking };
  let isClosing = false;
  const pulls = puller(connection, clock);
  // A server forgets who asked it for messages when the connection is lost.
  const there = presence(connection, { clock, onChange: () => pulls.interrupt() });
  return {
    identity,
    visibilityMs,
    attemptsMax,
    dedupesMs: DEDUPES_MS,
    dead: natsDeadNotices({ ...queue, clock }),
    send: (batch) => send(queue, batch),
    receive: async (wanted) => (isClosing ? [] : receive(queue, { pulls, there, isClosing: () => isClosing }, wanted)),
    extend: (notices) =>
      asking(async () => {
        for (const { handle } of notices) connection.publish(handle, "+WPI");
        await connection.flush();
      }),
    acknowledge: (notices) => asking(() => acknowledge(queue, notices)),
    retry: (notice, how) => asking(() => retry(queue, notice, how)),
    deadLetter: (notice, why) => asking(() => deadLetter(queue, notice, why)),
    figures: () => asking(() => figures(queue)),
    isOpen: () => !connection.isClosed(),
    async close() {
      isClosing = true;
      if (connection.isClosed()) return;
      pulls.interrupt();
      await connection.close();
    },
  };
}

async function send({ client, names }: NatsQueue, batch: readonly OutgoingNotice[]): Promise<readonly SentNotice[]> {
  const sent: SentNotice[] = [];
  for (let first = 0; first < batch.length; first += SENDING_MAX)
    sent.push(...(await Promise.all(batch.slice(first, first + SENDING_MAX).map((notice) => publish(client, names.ready, notice)))));
  return sent;
}

interface Receiving {
  readonly pulls: Puller;
  readonly there: Presence;
  readonly isClosing: () => boolean;
}

async function receive(
  queue: NatsQueue,
  { pulls, there, isClosing }: Receiving,
  { max, waitMs, signal }: ReceiveRequest,
): Promise<readonly ReceivedNotice[]> {
  const { connection, names, options, asking } = queue;
  if (signal?.aborted === true) return [];
  const isAsked = (): boolean => signal?.aborted !== true && !isClosing();
  if (!(await there.within(waitMs, signal))) {
    // Whoever took that for an empty queue would wait at it for ever.
    if (isAsked()) throw unavailable(options.url, connection.isClosed() ? "the connection is closed" : "it is away, and is looked for");
    return [];
  }
  const messages = await asking(() => pulls.pull({ stream: names.stream, consumer: names.consumer, max, waitMs, signal }));
  if (messages.length === 0 && connection.isClosed() && isAsked()) throw unavailable(options.url, "the connection was closed");
  return withoutExhausted(messages.map(receivedOf), options.attemptsMax, (notice, why) => asking(() => deadLetter(queue, notice, why)));
}

async function acknowledge({ connection }: NatsQueue, notices: readonly ReceivedNotice[]): Promise<void> {
  await Promise.all(notices.map(({ handle }) => connection.request(handle, "+ACK", { timeout: CALL_MS_MAX })));
}

interface Copy {
  readonly subject: string;
  /** Not received before. */
  readonly at?: number;
  readonly told: Partial<Told>;
}

/** Takes the place of a notice: a new message under another id of NATS (`copyIds`). */
async function copy(queue: NatsQueue, notice: ReceivedNotice, { subject, at, told }: Copy): Promise<void> {
  const { id, attributes, firstAt, redrives, body, handle } = notice;
  const { seq, times } = deliveryOf(handle);
  await queue.client.publish(subject, body, {
    msgID: queue.idOfCopy(`${subject}/${seq}/${times}`),
    headers: headersOf({ id, attributes, firstAt, redrives, ...told }),
    ...(at === undefined ? {} : { schedule: { specification: new Date(at), target: queue.names.ready } }),
  });
  await acknowledge(queue, [notice]);
}

function deadLetter(queue: NatsQueue, notice: ReceivedNotice, why: Pick<Told, "reason" | "message">): Promise<void> {
  return copy(queue, notice, { subject: queue.names.dead, told: { ...why, attemptsBefore: notice.attempts } });
}

async function retry(
  queue: NatsQueue,
  notice: ReceivedNotice,
  { delayMs, counts }: { readonly delayMs: number; readonly counts: boolean },
): Promise<void> {
  const { connection, names, options } = queue;
  if (delayMs === 0 && counts) {
    connection.publish(notice.handle, "-NAK");
    return connection.flush();
  }
  const attemptsBefore = counts ? notice.attempts : notice.attempts - 1;
  const { seq, times } = deliveryOf(notice.handle);
  const later = { subject: names.later(`${seq}-${times}`), at: options.clock.now() + Math.min(delayMs, RETRY_DELAY_MS_MAX) };
  await copy(queue, notice, { ...(delayMs === 0 ? { subject: names.ready } : later), told: { attemptsBefore } });
}

async function figures({ manager, names }: NatsQueue): Promise<NoticeFigures> {
  const [{ state }, dead, { num_ack_pending: received }] = await Promise.all([
    manager.streams.info(names.stream),
    manager.streams.info(names.deadStream),
    manager.consumers.info(names.stream, names.consumer),
  ]);
  const waiting = Math.max(0, state.messages - received);
  return { waiting, received, dead: dead.state.messages, oldestAt: state.messages === 0 ? null : Date.parse(state.first_ts) };
}

function receivedOf(message: Msg): ReceivedNotice {
  const { reply = "", data } = message;
  const { times, seq, at } = deliveryOf(reply);
  const { id, attributes, attemptsBefore, firstAt, redrives } = toldBy(
    headersIn(() => message.headers),
    `nats-${seq}`,
  );
  const counted = { attempts: attemptsBefore + times, firstAt: firstAt ?? at, redrives };
  return { id, attributes, body: new TextDecoder().decode(data), ...counted, handle: reply };
}

async function publish(client: JetStreamClient, subject: string, { id, body, attributes }: OutgoingNotice): Promise<SentNotice> {
  if (Buffer.byteLength(body) > NOTICE_BYTES_MAX)
    return { id, fault: { message: `its body has more than ${NOTICE_BYTES_MAX} bytes`, mayPass: false } };
  try {
    await client.publish(subject, body, { msgID: id, headers: headersOf({ id, attributes }) });
    return { id, fault: null };
  } catch (error) {
    // What JetStream itself refuses is mostly full, or without a leader: it passes as well.
    return { id, fault: { message: `NATS: ${messageOf(error)}`, mayPass: true } };
  }
}

function unavailable(url: string, error: unknown): WindlassError {
  const why = error instanceof JetStreamApiError ? `it answered: ${error.message}` : messageOf(error);
  return new WindlassError("unavailable", `NATS at ${placeOf(url)} did not do what it was asked: ${why}`, { cause: error });
}
