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
import { boundedLetters, howOf, type Clock, type DeadNotice, type DeadNotices, type Look, type LookedAt } from "@windlass/ports";
import type { Message } from "@aws-sdk/client-sqs";
import { toldBy, type OwnWords } from "./attributes.ts";
import { BATCH_MAX, type Calls } from "./queue.ts";

export interface SqsDeadNotices {
  readonly calls: Calls;
  readonly deadUrl: string;
  /** Of what SQS itself moved. */
  readonly attemptsMax: number;
  readonly clock: Pick<Clock, "monotonic">;
  /** To the queue whose dead letters these are. Returns why SQS refuses that message by itself; null: it is stored. */
  readonly send: (told: OwnWords, body: string, delayMs: number) => Promise<string | null>;
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
  /** Told of each batch of which so many are removed. */
  readonly onRemoved?: (count: number) => void;
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
      const refused: { letterId: string; why: string }[] = [];
      const again = async ({ letter }: Found): Promise<boolean> => {
        const { letterId, id, body, firstAt, redrives } = letter;
        if (!open.delete(letterId)) return false;
        const asked = howOf(how, letter);
        const { attributes = letter.attributes, delayMs = 0 } = "why" in asked ? {} : asked;
        const why = "why" in asked ? asked.why : await send({ id, attributes, firstAt, redrives: redrives + 1 }, body, delayMs);
        if (why === null) sent.push(letterId);
        else refused.push({ letterId, why });
        return why === null;
      };
      try {
        const unseen = open.size === 0 ? null : await scan({ visit: again, isEnough: () => open.size === 0 });
        return { sent, refused, fault: open.size === 0 ? null : unseen };
      } catch (error) {
        if (sent.length === 0 && refused.length === 0) throw error;
        return { sent, refused, fault: messageOf(error) };
      }
    },
    async remove(letterIds) {
      const open = new Set(letterIds);
      let removed = 0;
      const onRemoved = (count: number): void => void (removed += count);
      const wanted: Scan = { visit: ({ letter }) => open.delete(letter.letterId), isEnough: () => open.size === 0, onRemoved };
      try {
        const unseen = open.size === 0 ? null : await scan(wanted);
        return { removed, fault: open.size === 0 ? null : unseen };
      } catch (error) {
        if (removed === 0) throw error;
        return { removed, fault: messageOf(error) };
      }
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
async function scanOnce(queue: SqsDeadNotices, { isEnough = () => false, ...wanted }: Scan): Promise<string | null> {
  const { calls, deadUrl, attemptsMax, clock } = queue;
  const until = clock.monotonic() + SCAN_MS_MAX;
  const isLate = (): boolean => clock.monotonic() >= until;
  const expected = await expectedIn(queue);
  /** By letter: the last handle of it, where it came twice. */
  const held = new Map<string, string>();
  let [heldBytes, seen] = [0, 0];
  try {
    while (!isEnough()) {
      if (isLate() || heldBytes > HELD_BYTES_MAX) return told({ seen, expected, hasEnded: false });
      // A wait makes SQS ask all of its servers: what is there comes at once, and only the end is waited for.
      const some = await calls.receive(deadUrl, { max: BATCH_MAX, waitSeconds: 1, hiddenSeconds: HIDDEN_SECONDS });
      if (some.length === 0) return told({ seen, expected, hasEnded: true });
      const found = some.map((message): Found => ({ letter: letterOf(message, attemptsMax), handle: message.ReceiptHandle ?? "" }));
      // All of them first: what is visited may throw.
      const knownBefore = new Set(held.keys());
      for (const { letter, handle } of found) {
        held.set(letter.letterId, handle);
        heldBytes += letter.letterId.length + handle.length;
      }
      const { visited, gone } = await visitAll(queue, found, { ...wanted, isLate });
      seen += visited.filter((letterId) => !knownBefore.has(letterId)).length;
      for (const letterId of gone) held.delete(letterId);
    }
    return null;
  } finally {
    // See S2.
    await calls.hide(deadUrl, [...held.values()], 0).catch(() => {});
  }
}

interface Visiting extends Omit<Scan, "isEnough"> {
  /** The scan has had its time (S1): those that are not visited by then are not, and what is gone by then is removed. */
  readonly isLate: () => boolean;
}

interface Visited {
  readonly visited: readonly string[];
  readonly gone: readonly string[];
}

/** Removes those that are gone, also where one of the others throws. Returns which. */
async function visitAll(
  { calls, deadUrl }: SqsDeadNotices,
  found: readonly Found[],
  { visit, onRemoved = () => {}, isLate }: Visiting,
): Promise<Visited> {
  const gone: Found[] = [];
  const visited: string[] = [];
  const removeGone = async (): Promise<number> => {
    const removed = await calls.remove(deadUrl, handlesOf(gone));
    onRemoved(removed);
    return removed;
  };
  try {
    for (const one of found) {
      if (isLate()) break;
      if (await visit(one)) gone.push(one);
      visited.push(one.letter.letterId);
    }
  } catch (error) {
    await removeGone();
    throw error;
  }
  const removed = await removeGone();
  if (removed < gone.length) throw new Error(`${gone.length - removed} dead letters were not removed, and are shown again`);
  return { visited, gone: gone.map(({ letter }) => letter.letterId) };
}

const VISIBLE = "ApproximateNumberOfMessages";
const HIDDEN = "ApproximateNumberOfMessagesNotVisible";

/**
 * How many are there, with those that somebody else has received. SQS counts roughly, and is late by a minute: it is asked before
 * anything is received, for what a scan hides it goes on to count among those that it shows.
 */
async function expectedIn({ calls, deadUrl }: SqsDeadNotices): Promise<number> {
  const counts = await calls.attributes(deadUrl, [VISIBLE, HIDDEN]);
  return Number(counts[VISIBLE] ?? 0) + Number(counts[HIDDEN] ?? 0);
}

/** See S4. SQS counts roughly, and so it is said. */
function told({
  seen,
  expected,
  hasEnded,
}: {
  readonly seen: number;
  readonly expected: number;
  readonly hasEnded: boolean;
}): string | null {
  const left = expected - seen;
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
