/**
 * Dead letters of notices at SQS: its own queue for them. SQS shows nothing without handing it out, so what is looked for is
 * received, looked at, and given back.
 *
 * S1. One scan serves all that is asked for in one call, and ends with the last of it, with the queue, or with its time: it never
 *     outlasts the time for which what it received is hidden, or it would see the same again and again.
 * S2. Whatever happens, what was not removed is given back at once; where the broker is away then, it comes back by itself.
 * S3. Of a letter that is not wanted nothing is kept but the handle by which it is given back.
 * S4. What could not be looked at is told: more than one scan can take, or received by somebody else at the moment.
 */
import { messageOf, seconds } from "@windlass/kernel";
import { boundedLetters, type Clock, type DeadNotice, type DeadNotices, type Look, type LookedAt } from "@windlass/ports";
import type { Message } from "@aws-sdk/client-sqs";
import { toldBy, type OwnWords } from "./attributes.ts";
import { BATCH_MAX, type Calls } from "./queue.ts";

export interface SqsDeadNotices {
  readonly calls: Calls;
  readonly deadUrl: string;
  /** Of what SQS itself moved. */
  readonly attemptsMax: number;
  readonly clock: Pick<Clock, "monotonic">;
  /** To the queue whose dead letters these are. */
  readonly send: (told: OwnWords, body: string, delayMs: number) => Promise<void>;
  readonly asking: <Answer>(call: () => Promise<Answer>) => Promise<Answer>;
}

/** See S1; with time left for the last call. Whoever dies meanwhile hides the letters for so long. */
const HIDDEN_SECONDS = 40;
/** Two of them, one that chooses and one that acts, are over before a caller thinks that nobody answers (60 s). */
const SCAN_MS_MAX: number = seconds(25);
/** Of handles, each about a kilobyte: see S3. */
const HELD_BYTES_MAX: number = 32 * 1024 * 1024;

interface Found {
  readonly letter: DeadNotice;
  readonly handle: string;
}

interface Scan {
  /** True: it is gone, or is to go now. */
  readonly visit: (found: Found) => Promise<boolean> | boolean;
  /** Nothing else is looked for. */
  readonly isEnough?: () => boolean;
}

export function sqsDeadNotices(queue: SqsDeadNotices): DeadNotices {
  const { asking, send } = queue;
  let before: Promise<unknown> = Promise.resolve();
  /** One after the other: what one has received the next would miss. */
  const scan = (wanted: Scan): Promise<string | null> => {
    const scanned = before.then(() => asking(() => scanOnce(queue, wanted)));
    before = scanned.catch(() => {});
    return scanned;
  };
  return {
    look: (wanted) => look(scan, wanted),
    async redrive(letterIds, how) {
      const open = new Set(letterIds);
      const sent: string[] = [];
      const again = async ({ letter }: Found): Promise<boolean> => {
        const { letterId, id, body, firstAt, redrives } = letter;
        if (!open.delete(letterId)) return false;
        const { attributes = letter.attributes, delayMs = 0 } = how(letter);
        await send({ id, attributes, firstAt, redrives: redrives + 1 }, body, delayMs);
        sent.push(letterId);
        return true;
      };
      try {
        const unseen = open.size === 0 ? null : await scan({ visit: again, isEnough: () => open.size === 0 });
        return { sent, fault: open.size === 0 ? null : unseen };
      } catch (error) {
        if (sent.length === 0) throw error;
        return { sent, fault: messageOf(error) };
      }
    },
    async remove(letterIds) {
      const open = new Set(letterIds);
      if (open.size > 0) await scan({ visit: ({ letter }) => open.delete(letter.letterId), isEnough: () => open.size === 0 });
      return new Set(letterIds).size - open.size;
    },
  };
}

async function look(scan: (wanted: Scan) => Promise<string | null>, { after = "", limit, letterIds, fits }: Look): Promise<LookedAt> {
  const held = boundedLetters(limit, inOrder);
  const open = letterIds === undefined ? null : new Set(letterIds);
  if (open?.size === 0) return { letters: [], next: null, unseen: null };
  const unseen = await scan({
    visit: ({ letter }) => {
      const isWanted = open === null || open.delete(letter.letterId);
      if (isWanted && letter.letterId > after && (fits?.(letter) ?? true)) held.add(letter);
      return false;
    },
    isEnough: () => open?.size === 0,
  });
  const { letters, isCut } = held;
  return { letters, next: isCut ? (letters.at(-1)?.letterId ?? null) : null, unseen };
}

/** Why some were not looked at (S4); null: none was left, or nobody asked for more. */
async function scanOnce(queue: SqsDeadNotices, { visit, isEnough = () => false }: Scan): Promise<string | null> {
  const { calls, deadUrl, attemptsMax, clock } = queue;
  const until = clock.monotonic() + SCAN_MS_MAX;
  const expected = Number((await calls.attributes(deadUrl, [VISIBLE]))[VISIBLE] ?? 0);
  /** By letter: the last handle of it, where it came twice. */
  const held = new Map<string, string>();
  let [heldBytes, seen] = [0, 0];
  try {
    while (!isEnough()) {
      if (clock.monotonic() >= until || heldBytes > HELD_BYTES_MAX) return await told(queue, { seen, held: held.size, hasEnded: false });
      // A wait makes SQS ask all of its servers. Where all that it told of is seen, one look more is enough.
      const waitSeconds = seen >= expected ? 0 : 1;
      const some = await calls.receive(deadUrl, { max: BATCH_MAX, waitSeconds, hiddenSeconds: HIDDEN_SECONDS });
      if (some.length === 0) return await told(queue, { seen, held: held.size, hasEnded: true });
      const found = some.map((message): Found => ({ letter: letterOf(message, attemptsMax), handle: message.ReceiptHandle ?? "" }));
      // All of them first: what is visited may throw.
      for (const { letter, handle } of found) {
        if (!held.has(letter.letterId)) seen++;
        held.set(letter.letterId, handle);
        heldBytes += letter.letterId.length + handle.length;
      }
      for (const letterId of await visitAll(queue, found, visit)) held.delete(letterId);
    }
    return null;
  } finally {
    // See S2.
    await calls.hide(deadUrl, [...held.values()], 0).catch(() => {});
  }
}

/** Removes those that are gone, also where one of the others throws. Returns which. */
async function visitAll({ calls, deadUrl }: SqsDeadNotices, found: readonly Found[], visit: Scan["visit"]): Promise<readonly string[]> {
  const gone: Found[] = [];
  try {
    for (const one of found) if (await visit(one)) gone.push(one);
  } catch (error) {
    await calls.remove(deadUrl, handlesOf(gone));
    throw error;
  }
  const removed = await calls.remove(deadUrl, handlesOf(gone));
  if (removed < gone.length) throw new Error(`${gone.length - removed} dead letters were not removed, and are shown again`);
  return gone.map(({ letter }) => letter.letterId);
}

const VISIBLE = "ApproximateNumberOfMessages";
const HIDDEN = "ApproximateNumberOfMessagesNotVisible";

/** See S4. SQS counts roughly, and so it is said. */
async function told(
  { calls, deadUrl }: SqsDeadNotices,
  { seen, held, hasEnded }: { readonly seen: number; readonly held: number; readonly hasEnded: boolean },
): Promise<string | null> {
  const counts = await calls.attributes(deadUrl, [VISIBLE, HIDDEN]);
  const left = Number(counts[VISIBLE] ?? 0) + Math.max(0, Number(counts[HIDDEN] ?? 0) - held);
  if (left <= 0) return null;
  const why = hasEnded ? "somebody else has received the others, and looks at them now" : "more than one look can take";
  return `SQS showed ${seen} dead letters, and says that there are about ${left} more: ${why}`;
}

const handlesOf = (all: readonly Found[]): readonly string[] => all.map(({ handle }) => handle);

function inOrder(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

const EXHAUSTED = "SQS moved it here: it was received too often, and nobody was done with it";
/** Times of the next three hundred years, so that letters sort by the time of their death. */
const TIME_LENGTH = 13;

function letterOf(message: Message, attemptsMax: number): DeadNotice {
  const { id, attributes, reason, message: why, attemptsBefore, firstAt, redrives, at: diedAt } = toldBy(message);
  const letterId = `${String(diedAt).padStart(TIME_LENGTH, "0")}-${message.MessageId ?? ""}`;
  const letter = { letterId, id, body: message.Body ?? "", attributes, firstAt, diedAt, redrives };
  return reason === null
    ? { ...letter, reason: "attempts_exhausted", message: EXHAUSTED, attempts: attemptsMax }
    : { ...letter, reason, message: why, attempts: attemptsBefore };
}
