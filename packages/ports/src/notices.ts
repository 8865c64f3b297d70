/**
 * Notices (kernel) between those who decide that something is to run and those who start it, where the two run apart: a queue
 * at a broker. On one machine or one database there is none of this: the store is the queue.
 *
 * P1. At least once: what `send` calls stored is received until it is acknowledged, also when either side or the broker dies.
 *     It may come twice. Under the same id a broker that can (`dedupesMs`) takes it once.
 * P2. What is received is hidden from all others for `visibilityMs`, and again from each `extend`; then it is received again.
 * P3. `attempts` counts how often it was received, this time included, less what was given back without counting. What would
 *     be received more often than `attemptsMax` is a dead letter instead (`attempts_exhausted`): one notice that kills whoever
 *     receives it holds up none of the others.
 * P4. No order is promised: what is retried, or waits at another node of a broker, is overtaken.
 * P5. A dead letter keeps body, id and attributes as they came, until it is redriven or removed; what is redriven is a new
 *     notice under its old id, and is stored before the letter goes. When it was first seen and how often it was redriven
 *     goes with it: what dies again says so.
 * P6. A body is at most NOTICE_BYTES_MAX (kernel). One that is larger is refused alone: the rest of its batch is stored.
 * P7. A broker that is away throws `unavailable`, or is a fault that may pass for what is sent; the driver looks for it by itself,
 *     for ever. Where it gives that up, it says so (`isOpen`): nobody is told that there is nothing when nobody looked.
 * P8. What others send may be written in any way: one that cannot be read, or put elsewhere, holds up none of its batch.
 */
import type { NoticeFault } from "@windlass/kernel";

/** Names as `trigger_type`; brokers show them beside the body. */
export type NoticeAttributes = Readonly<Record<string, string>>;

/** Of those that callers give; drivers add their own, and a message of SQS has ten at most. */
export const NOTICE_ATTRIBUTES_MAX = 4;
/** For `retry`: the longest that each broker can hold back by itself. */
export const RETRY_DELAY_MS_MAX: number = 15 * 60_000;

export interface OutgoingNotice {
  /** The same for each sending of the same notice; see P1. */
  readonly id: string;
  readonly body: string;
  readonly attributes: NoticeAttributes;
}

export interface SentNotice {
  readonly id: string;
  /** Null: it is stored at the broker. */
  readonly fault: { readonly message: string; readonly mayPass: boolean } | null;
}

export interface ReceivedNotice extends OutgoingNotice {
  readonly attempts: number;
  /** When the broker first had it, as milliseconds since 1970. */
  readonly firstAt: number;
  /** How often it was a dead letter before, and was sent again. */
  readonly redrives: number;
  /** By which this receiving of it is acknowledged, extended or given back. */
  readonly handle: string;
}

export interface ReceiveRequest {
  readonly max: number;
  readonly waitMs: number;
  readonly signal?: AbortSignal;
}

export interface DeadNotice {
  /** Of the letter: what `look`, `redrive` and `remove` take. */
  readonly letterId: string;
  readonly id: string;
  readonly body: string;
  readonly attributes: NoticeAttributes;
  readonly reason: NoticeFault;
  /** Why, for people; empty where only the broker put it there. */
  readonly message: string;
  readonly attempts: number;
  readonly firstAt: number;
  readonly diedAt: number;
  /** How often it was sent again, and came back. */
  readonly redrives: number;
}

export interface NoticeFigures {
  /** Nobody has it: to be received now, or later. */
  readonly waiting: number;
  /** Received and not acknowledged. Some brokers count among them what was given back to be received later. */
  readonly received: number;
  readonly dead: number;
  /** Since when the oldest that is not acknowledged is there; null: none, or the broker does not tell. */
  readonly oldestAt: number | null;
}

/** What one look at dead letters holds at once: a letter may have a quarter of a megabyte. */
export const LOOK_BYTES_MAX: number = 16 * 1024 * 1024;

export interface Look {
  /** Behind this one, the `next` of the look before. */
  readonly after?: string;
  readonly limit: number;
  /** Only these. */
  readonly letterIds?: ReadonlySet<string>;
  /** Only those of which it says so. What does not fit costs no memory. */
  readonly fits?: (letter: DeadNotice) => boolean;
}

export interface LookedAt {
  /** Oldest first; fewer than `limit` where they would be more than LOOK_BYTES_MAX. */
  readonly letters: readonly DeadNotice[];
  /** Letters behind this one were not looked at, or found no place; null: there are none. */
  readonly next: string | null;
  /** Why some could not be looked at at all, and how many; null: all were that are not behind `next`. */
  readonly unseen: string | null;
}

/** How a letter is sent again. */
export interface Redrive {
  /** Its own when left out. */
  readonly attributes?: NoticeAttributes;
  /** Nobody receives it before; RETRY_DELAY_MS_MAX at most. */
  readonly delayMs?: number;
}

export interface Redriving {
  /** What is neither among them nor refused was not there any more, was sent by somebody else, or could not be seen. */
  readonly sent: readonly string[];
  /** What the broker, or `how`, refuses by itself: the others go on. */
  readonly refused: readonly { readonly letterId: string; readonly why: string }[];
  /** Why the broker took no more of them; null: it was asked about all. */
  readonly fault: string | null;
}

export interface Removing {
  /** How many of them were there, and are gone. */
  readonly removed: number;
  /** Why some that may be there are not gone; null: all were looked for. */
  readonly fault: string | null;
}

/**
 * What could not be handled. Somebody else who looks at the same moment may keep some of it from being seen.
 *
 * Two who redrive a letter at once through different programs may both send it: no broker sends here and removes there in one step. It
 * is received twice under one id then, as anything may be (P1), and what is made of an id is made once.
 */
export interface DeadNotices {
  look(wanted: Look): Promise<LookedAt>;
  /** Sends each again, then removes it (P5). `how` is asked when its turn comes. Throws nothing once anything came of the first. */
  redrive(letterIds: readonly string[], how: (letter: DeadNotice) => Redrive): Promise<Redriving>;
  /** Throws nothing once the first is gone. */
  remove(letterIds: readonly string[]): Promise<Removing>;
}

export interface Notices {
  /** Of this queue among all that there are, at whatever broker: a part of what is signed. */
  readonly identity: string;
  readonly visibilityMs: number;
  readonly attemptsMax: number;
  /** For how long an id is known again; null: every sending is received. See P1. */
  readonly dedupesMs: number | null;
  readonly dead: DeadNotices;
  /** One answer for each, in their order. Any number: it is sent in batches of the broker. */
  send(batch: readonly OutgoingNotice[]): Promise<readonly SentNotice[]>;
  /** Up to `max`, as soon as there is one; empty after `waitMs` without any, when the signal ends the wait, or once `close` was called. */
  receive(wanted: ReceiveRequest): Promise<readonly ReceivedNotice[]>;
  /** See P2. What is not ours any more is passed over. */
  extend(notices: readonly ReceivedNotice[]): Promise<void>;
  /** It is done with: nobody receives it again. Resolves once the broker has said so. */
  acknowledge(notices: readonly ReceivedNotice[]): Promise<void>;
  /** Gives it back, to be received again after `delayMs`, RETRY_DELAY_MS_MAX at most. `counts`: P3. */
  retry(notice: ReceivedNotice, how: { readonly delayMs: number; readonly counts: boolean }): Promise<void>;
  /** Puts it with the dead letters, then acknowledges it. */
  deadLetter(notice: ReceivedNotice, why: { readonly reason: NoticeFault; readonly message: string }): Promise<void>;
  figures(): Promise<NoticeFigures>;
  /** False: it was closed, or has lost its broker in a way that it does not mend by itself. Whoever goes on opens it anew. */
  isOpen(): boolean;
  /** What was received and not acknowledged is received again, by somebody else, when it is visible again. */
  close(): Promise<void>;
}
