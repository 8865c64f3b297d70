/**
 * Dead letters of notices at SQS: its own queue for them. SQS shows nothing without handing it out, so all of it is received,
 * looked at, and given back at once; whoever looks at the same moment from elsewhere may miss some (ports, `DeadNotices`).
 */
import type { DeadNotice, DeadNotices, NoticeAttributes } from "@windlass/ports";
import { toldBy, type OwnWords } from "./attributes.ts";
import { BATCH_MAX, type Calls } from "./queue.ts";

export interface SqsDeadNotices {
  readonly calls: Calls;
  readonly deadUrl: string;
  /** Of what SQS itself moved. */
  readonly attemptsMax: number;
  /** To the queue whose dead letters these are. */
  readonly send: (told: OwnWords, body: string) => Promise<void>;
  readonly asking: <Answer>(call: () => Promise<Answer>) => Promise<Answer>;
}

/** Time enough to look at all of them; whoever dies meanwhile hides them for so long. */
const HIDDEN_SECONDS = 60;
/** More are not looked at: SQS has no order in which one could go on. */
const SCAN_MAX = 10_000;

interface Found {
  readonly letter: DeadNotice;
  readonly handle: string;
}

export function sqsDeadNotices({ calls, deadUrl, attemptsMax, send, asking }: SqsDeadNotices): DeadNotices {
  let before: Promise<unknown> = Promise.resolve();
  /** One after the other: what one has received the next would miss. What is not removed is given back. */
  const scan = <Answer>(
    look: (all: readonly Found[]) => Promise<{ readonly answer: Answer; readonly removed?: readonly Found[] }>,
  ): Promise<Answer> => {
    const scanned = before.then(() =>
      asking(async () => {
        const all = await receiveAll();
        let kept = all;
        try {
          const { answer, removed = [] } = await look(all);
          await calls.remove(deadUrl, handlesOf(removed));
          kept = all.filter((found) => !removed.includes(found));
          return answer;
        } finally {
          await calls.hide(deadUrl, handlesOf(kept), 0);
        }
      }),
    );
    before = scanned.catch(() => {});
    return scanned;
  };
  const receiveAll = async (): Promise<readonly Found[]> => {
    const { ApproximateNumberOfMessages: expected = "0" } = await calls.attributes(deadUrl, ["ApproximateNumberOfMessages"]);
    const all = new Map<string, Found>();
    for (;;) {
      // A wait makes SQS ask all of its servers. Where all that it told of is seen, one look more is enough.
      const waitSeconds = all.size >= Number(expected) ? 0 : 1;
      const some = await calls.receive(deadUrl, { max: BATCH_MAX, waitSeconds, hiddenSeconds: HIDDEN_SECONDS });
      for (const message of some) {
        const letter = letterOf(toldBy(message), { ...message, attemptsMax });
        all.set(letter.letterId, { letter, handle: message.ReceiptHandle ?? "" });
      }
      if (some.length === 0 || all.size >= SCAN_MAX) break;
    }
    return [...all.values()].toSorted((a, b) => (a.letter.letterId < b.letter.letterId ? -1 : 1));
  };
  return {
    list: ({ after = "", limit }) =>
      scan(async (all) => ({
        answer: all
          .map(({ letter }) => letter)
          .filter(({ letterId }) => letterId > after)
          .slice(0, limit),
      })),
    get: (wanted) => scan(async (all) => ({ answer: all.find(({ letter }) => letter.letterId === wanted)?.letter ?? null })),
    redrive: (wanted, attributes?: NoticeAttributes) =>
      scan(async (all) => {
        const found = all.find(({ letter }) => letter.letterId === wanted);
        if (found === undefined) return { answer: false };
        const { id, body, attributes: own } = found.letter;
        await send({ id, attributes: attributes ?? own }, body);
        return { answer: true, removed: [found] };
      }),
    async remove(letterIds) {
      if (letterIds.length === 0) return 0;
      return scan(async (all) => {
        const removed = all.filter(({ letter }) => letterIds.includes(letter.letterId));
        return { answer: removed.length, removed };
      });
    },
  };
}

const handlesOf = (all: readonly Found[]): readonly string[] => all.map(({ handle }) => handle);

const EXHAUSTED = "SQS moved it here: it was received too often, and nobody was done with it";
/** Times of the next three hundred years, so that letters sort by the time of their death. */
const TIME_LENGTH = 13;

function letterOf(
  { id, attributes, reason, message, attemptsBefore, firstAt, at: diedAt }: ReturnType<typeof toldBy>,
  {
    MessageId = "",
    Body: body = "",
    attemptsMax,
  }: { readonly MessageId?: string | undefined; readonly Body?: string | undefined; readonly attemptsMax: number },
): DeadNotice {
  const letterId = `${String(diedAt).padStart(TIME_LENGTH, "0")}-${MessageId}`;
  const letter = { letterId, id, body, attributes, firstAt, diedAt };
  return reason === null
    ? { ...letter, reason: "attempts_exhausted", message: EXHAUSTED, attempts: attemptsMax }
    : { ...letter, reason, message, attempts: attemptsBefore };
}
