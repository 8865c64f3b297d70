/**
 * What lies at NATS for one queue, made where it is not there and checked where it is:
 *
 *   NAME        a work queue with `NAME.ready`, which the consumer `spawner` receives, and `NAME.later.>`, which NATS itself moves
 *               to `NAME.ready` when it is time
 *   NAME_dead   the dead letters, `NAME.dead`
 */
import { NOTICE_BYTES_MAX, WindlassError } from "@windlass/kernel";
import { nanos } from "@nats-io/transport-node";
import { JetStreamApiCodes, JetStreamApiError, type JetStreamManager, type StreamConfig } from "@nats-io/jetstream";

export interface QueueNames {
  readonly stream: string;
  readonly consumer: string;
  readonly ready: string;
  readonly later: (id: string) => string;
  readonly deadStream: string;
  readonly dead: string;
}

export interface QueueWanted {
  readonly name: string;
  readonly visibilityMs: number;
  readonly dedupesMs: number;
  /** Of each stream, where NATS is a cluster. */
  readonly replicas: number;
}

/** What is neither ours nor of NATS in a name would be a part of a subject. */
const NAME = /^[\w-]{1,64}$/u;
/** The body, and room for headers. */
const MESSAGE_BYTES_MAX = NOTICE_BYTES_MAX + 16 * 1024;
/** All receivers together. More than any of them holds; what only waits for its time is not among them. */
const RECEIVED_MAX = 10_000;
/** The oldest go when there are more: a list that nobody looked at must not stop the queue. */
const DEAD_MAX = 100_000;

/** Throws `invalid` for a name that cannot be one. */
export function namesOf(name: string): QueueNames {
  if (!NAME.test(name))
    throw new WindlassError("invalid", `"${name}" cannot be the name of a queue at NATS; it must be 1 to 64 letters, digits, - and _`);
  return {
    stream: name,
    consumer: "spawner",
    ready: `${name}.ready`,
    later: (id) => `${name}.later.${id}`,
    deadStream: `${name}_dead`,
    dead: `${name}.dead`,
  };
}

/** When its stream was made, as NATS writes it: no other of this name was made then. Throws `conflict` for a stream that is something else. */
export async function makeQueue(manager: JetStreamManager, { name, visibilityMs, dedupesMs, replicas }: QueueWanted): Promise<string> {
  const names = namesOf(name);
  await makeStream(manager, {
    name: names.stream,
    subjects: [names.ready, names.later(">")],
    retention: "workqueue",
    allow_msg_schedules: true,
    duplicate_window: nanos(dedupesMs),
    max_msg_size: MESSAGE_BYTES_MAX,
    num_replicas: replicas,
  });
  await makeStream(manager, {
    name: names.deadStream,
    subjects: [names.dead],
    retention: "limits",
    allow_direct: true,
    discard: "old",
    max_msgs: DEAD_MAX,
    num_replicas: replicas,
  });
  await manager.consumers.add(names.stream, {
    durable_name: names.consumer,
    filter_subject: names.ready,
    ack_policy: "explicit",
    ack_wait: nanos(visibilityMs),
    // Counted by us (P3): NATS would let what was received too often lie where nobody sees it.
    max_deliver: -1,
    max_ack_pending: RECEIVED_MAX,
  });
  // As it is told to all, also where another client was quicker to make it.
  return (await manager.streams.info(names.stream)).created;
}

type Wanted = Pick<StreamConfig, "name" | "subjects" | "retention"> & Partial<StreamConfig>;

async function makeStream(manager: JetStreamManager, wanted: Wanted): Promise<void> {
  const there = await manager.streams.info(wanted.name).catch((error: unknown) => {
    if (isNotFound(error)) return null;
    throw error;
  });
  if (there === null) return void (await manager.streams.add({ storage: "file", ...wanted }));
  const { retention, allow_msg_schedules: holdsBack, subjects } = there.config;
  const isOurs =
    retention === wanted.retention &&
    (wanted.allow_msg_schedules !== true || holdsBack === true) &&
    wanted.subjects.every((subject) => subjects.includes(subject));
  if (isOurs) return;
  throw new WindlassError(
    "conflict",
    `NATS has a stream ${wanted.name} that is not for notices (its retention is ${retention}, its subjects are ${subjects.join(", ")}); ` +
      "name another with WINDLASS_NOTICES_QUEUE, or remove that one",
  );
}

export function isNotFound(error: unknown): boolean {
  return (
    error instanceof JetStreamApiError &&
    [JetStreamApiCodes.StreamNotFound, JetStreamApiCodes.NoMessageFound].some((code) => code === error.code)
  );
}
