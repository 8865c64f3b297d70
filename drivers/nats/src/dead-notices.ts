/** Dead letters of notices at NATS: a stream of their own, in the order in which they came. A letter's id is its number there. */
import { messageOf } from "@windlass/kernel";
import {
  boundedLetters,
  howOf,
  LOOK_BYTES_MAX,
  RETRY_DELAY_MS_MAX,
  type BoundedLetters,
  type Clock,
  type DeadNotice,
  type DeadNotices,
  type Look,
  type LookedAt,
  type Redrive,
} from "@windlass/ports";
import { JetStreamApiError, type JetStreamClient, type JetStreamManager, type StoredMsg } from "@nats-io/jetstream";
import { InvalidArgumentError } from "@nats-io/transport-node";
import { headersIn, headersOf, toldBy } from "./headers.ts";
import { isNotFound, type QueueNames } from "./streams.ts";

export interface NatsDeadNotices {
  readonly manager: JetStreamManager;
  readonly client: JetStreamClient;
  readonly names: QueueNames;
  readonly clock: Pick<Clock, "now">;
  readonly idOfCopy: (of: string) => string;
  readonly asking: <Answer>(call: () => Promise<Answer>) => Promise<Answer>;
}

/** What the server hands over at once. */
const BATCH = 100;
/** More are not looked through for one call: whoever wants more goes on behind them. */
const LOOKED_AT_MAX = 10_000;
/** Letters that are asked for by their numbers at a time. */
const ASKED_AT_ONCE = 10;

export function natsDeadNotices(queue: NatsDeadNotices): DeadNotices {
  const { manager, names, asking } = queue;
  const remove = async (letterId: string): Promise<boolean> => {
    const seq = seqOf(letterId);
    // Overwritten there, too: a body may hold what is nobody's business once it is gone.
    return seq !== null && manager.streams.deleteMessage(names.deadStream, seq).catch(falseIfNotFound);
  };
  return {
    look: (wanted) => asking(() => (wanted.letterIds === undefined ? lookThrough(queue, wanted) : lookAt(queue, wanted, wanted.letterIds))),
    async redrive(letterIds, how) {
      const sent: string[] = [];
      const refused: { letterId: string; why: string }[] = [];
      for (const letterId of new Set(letterIds)) {
        try {
          await asking(async () => {
            const letter = await one(queue, letterId);
            if (letter === null) return;
            const asked = howOf(how, letter);
            const why = "why" in asked ? asked.why : await sendAgain(queue, letter, asked);
            if (why !== null) return void refused.push({ letterId, why });
            sent.push(letterId);
            // Somebody else has sent it as well, was quicker to remove it, and counts it.
            if (!(await remove(letterId))) sent.pop();
          });
        } catch (error) {
          if (sent.length === 0 && refused.length === 0) throw error;
          return { sent, refused, fault: messageOf(error) };
        }
      }
      return { sent, refused, fault: null };
    },
    async remove(letterIds) {
      const answers = await Promise.allSettled(letterIds.map((letterId) => asking(() => remove(letterId))));
      const removed = answers.filter((answer) => answer.status === "fulfilled" && answer.value).length;
      const failed = answers.find((answer) => answer.status === "rejected");
      if (failed !== undefined && removed === 0) throw failed.reason;
      return { removed, fault: failed === undefined ? null : messageOf(failed.reason) };
    },
  };
}

async function one({ manager, names }: NatsDeadNotices, letterId: string): Promise<DeadNotice | null> {
  const seq = seqOf(letterId);
  const found = seq === null ? null : await manager.streams.getMessage(names.deadStream, { seq }).catch(nullIfNotFound);
  return found === null ? null : letterOf(found);
}

/** A new notice: its attempts count from 0 again. Returns why the broker refuses it by itself; null: it is stored. */
async function sendAgain(
  { client, names, clock, idOfCopy }: NatsDeadNotices,
  letter: DeadNotice,
  { attributes = letter.attributes, delayMs = 0 }: Redrive,
): Promise<string | null> {
  const { letterId, id, body, firstAt, redrives } = letter;
  const told = { msgID: idOfCopy(`${names.dead}/${letterId}`), headers: headersOf({ id, attributes, firstAt, redrives: redrives + 1 }) };
  try {
    if (delayMs <= 0) await client.publish(names.ready, body, told);
    else {
      const specification = new Date(clock.now() + Math.min(delayMs, RETRY_DELAY_MS_MAX));
      await client.publish(names.later(`dead-${letterId}`), body, { ...told, schedule: { specification, target: names.ready } });
    }
    return null;
  } catch (error) {
    if (isTooLarge(error)) return `NATS does not take it: ${messageOf(error)}`;
    throw error;
  }
}

const SIZE_EXCEEDED = 10_054;

/** For the stream, as the server says, or for any message, as the library does. */
function isTooLarge(error: unknown): boolean {
  return error instanceof JetStreamApiError
    ? error.code === SIZE_EXCEEDED
    : error instanceof InvalidArgumentError && error.message.includes("max_payload");
}

async function lookThrough(queue: NatsDeadNotices, { after, limit, fits }: Look): Promise<LookedAt> {
  const held = boundedLetters(limit, bySeq);
  let last = seqOf(after ?? "0") ?? 0;
  for (let seen = 0; seen < LOOKED_AT_MAX;) {
    const batch = await batchBehind(queue, last);
    for (const letter of batch) {
      if (fits?.(letter) ?? true) held.add(letter);
      if (held.isCut) return lookedAt(held, null);
      last = Number(letter.letterId);
    }
    seen += batch.length;
    if (batch.length === 0) return lookedAt(held, null);
  }
  return lookedAt(held, String(last));
}

async function lookAt(queue: NatsDeadNotices, { after = "0", limit, fits }: Look, letterIds: ReadonlySet<string>): Promise<LookedAt> {
  const held = boundedLetters(limit, bySeq);
  const wanted = [...letterIds].filter((id) => seqOf(id) !== null && bySeq(id, after) > 0).toSorted(bySeq);
  for (let from = 0; from < wanted.length && !held.isCut; from += ASKED_AT_ONCE) {
    const found = await Promise.all(wanted.slice(from, from + ASKED_AT_ONCE).map((id) => one(queue, id)));
    for (const letter of found) if (letter !== null && (fits?.(letter) ?? true)) held.add(letter);
  }
  return lookedAt(held, null);
}

function lookedAt({ letters, isCut }: BoundedLetters, lookedTo: string | null): LookedAt {
  return { letters, next: isCut ? (letters.at(-1)?.letterId ?? null) : lookedTo, unseen: null };
}

async function batchBehind({ manager, names }: NatsDeadNotices, seq: number): Promise<readonly DeadNotice[]> {
  const wanted = { seq: seq + 1, batch: BATCH, max_bytes: LOOK_BYTES_MAX };
  const found = await manager.direct.getBatch(names.deadStream, wanted).catch(nullIfNotFound);
  const letters: DeadNotice[] = [];
  try {
    for await (const message of found ?? []) letters.push(letterOf(message));
  } catch (error) {
    // That there are none is an error to the library, told only to who reads them.
    if (!isNothing(error)) throw error;
  }
  return letters;
}

function letterOf(message: StoredMsg): DeadNotice {
  const { seq, data, time } = message;
  const told = toldBy(
    headersIn(() => message.header),
    `nats-${seq}`,
  );
  const { id, attributes, attemptsBefore: attempts, reason, message: why, redrives } = told;
  const diedAt = time.getTime();
  const body = new TextDecoder().decode(data);
  return { letterId: String(seq), id, body, attributes, reason, message: why, attempts, firstAt: told.firstAt ?? diedAt, diedAt, redrives };
}

function bySeq(a: string, b: string): number {
  return Number(a) - Number(b);
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
