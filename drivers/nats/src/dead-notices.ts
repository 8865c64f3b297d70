/** Dead letters of notices at NATS: a stream of their own, in the order in which they came. A letter's id is its number there. */
import type { DeadNotice, DeadNotices } from "@windlass/ports";
import type { JetStreamClient, JetStreamManager, StoredMsg } from "@nats-io/jetstream";
import { headersIn, headersOf, toldBy } from "./headers.ts";
import { isNotFound, type QueueNames } from "./streams.ts";

export interface NatsDeadNotices {
  readonly manager: JetStreamManager;
  readonly client: JetStreamClient;
  readonly names: QueueNames;
  readonly idOfCopy: (of: string) => string;
  readonly asking: <Answer>(call: () => Promise<Answer>) => Promise<Answer>;
}

export function natsDeadNotices({ manager, client, names, idOfCopy, asking }: NatsDeadNotices): DeadNotices {
  const get = async (letterId: string): Promise<DeadNotice | null> => {
    const seq = seqOf(letterId);
    const found = seq === null ? null : await manager.streams.getMessage(names.deadStream, { seq }).catch(nullIfNotFound);
    return found === null ? null : letterOf(found);
  };
  const remove = async (letterId: string): Promise<boolean> => {
    const seq = seqOf(letterId);
    // Overwritten there, too: a body may hold what is nobody's business once it is gone.
    return seq !== null && manager.streams.deleteMessage(names.deadStream, seq).catch(falseIfNotFound);
  };
  return {
    list: ({ after, limit }) =>
      asking(async () => {
        const found = await manager.direct
          .getBatch(names.deadStream, { seq: (seqOf(after ?? "0") ?? 0) + 1, batch: limit })
          .catch(nullIfNotFound);
        const letters: DeadNotice[] = [];
        try {
          for await (const message of found ?? []) letters.push(letterOf(message));
        } catch (error) {
          // That there are none is an error to the library, told only to who reads them.
          if (!isNothing(error)) throw error;
        }
        return letters;
      }),
    get: (letterId) => asking(() => get(letterId)),
    redrive: (letterId, attributes) =>
      asking(async () => {
        const letter = await get(letterId);
        if (letter === null) return false;
        // A new notice: it counts from 0 again.
        const headers = headersOf({ id: letter.id, attributes: attributes ?? letter.attributes });
        await client.publish(names.ready, letter.body, { msgID: idOfCopy(`${names.dead}/${letterId}`), headers });
        await remove(letterId);
        return true;
      }),
    remove: (letterIds) => asking(async () => (await Promise.all(letterIds.map(remove))).filter(Boolean).length),
  };
}

function letterOf(message: StoredMsg): DeadNotice {
  const { seq, data, time } = message;
  const {
    id,
    attributes,
    attemptsBefore,
    firstAt,
    reason,
    message: why,
  } = toldBy(
    headersIn(() => message.header),
    `nats-${seq}`,
  );
  const diedAt = time.getTime();
  const body = new TextDecoder().decode(data);
  return {
    letterId: String(seq),
    id,
    body,
    attributes,
    reason,
    message: why,
    attempts: attemptsBefore,
    firstAt: firstAt ?? diedAt,
    diedAt,
  };
}

function seqOf(letterId: string): number | null {
  return /^\d{1,15}$/u.test(letterId) ? Number(letterId) : null;
}

function nullIfNotFound(error: unknown): null {
  if (isNotFound(error) || isNothing(error)) return null;
  throw error;
}

function falseIfNotFound(error: unknown): false {
  return nullIfNotFound(error) ?? false;
}

function isNothing(error: unknown): boolean {
  return error instanceof Error && /message not found|no message found/iu.test(error.message);
}
