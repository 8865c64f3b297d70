/**
 * Answers that are kept under the idempotency key of their call.
 *
 * K1. Under one key, one holder at a time: whoever takes a key that is free gets it, all others are shown what is there.
 * K2. What a holder keeps or gives back counts only while the key is still its own.
 */

/** What a key is a key of. */
export interface AnswerKey {
  readonly workspace: string;
  /** Id of who asks: keys of one caller say nothing to another. */
  readonly principal: string;
  readonly operation: string;
  readonly key: string;
}

export interface Answer extends AnswerKey {
  /** Of what was asked: the same key for something else is a mistake. */
  readonly requestHash: string;
  /** The request that works under the key. */
  readonly holder: string;
  /** Of HTTP; null while the first request is under way. */
  readonly status: number | null;
  /** Text; null while it is under way, and for an answer that was too large to keep. */
  readonly body: string | null;
  /** From then on the key is free: under way, because its holder must have died; kept, because it is old. */
  readonly expiresAt: number;
}

export interface AnswerStore {
  /** Stores the answer when its key is free at `now`. Returns what stands under the key then: with our `holder`, it is ours. */
  take(answer: Answer, now: number): Promise<Answer>;
  /** Replaces what `holder` has taken; false when it is not its own any more. */
  keep(answer: Answer): Promise<boolean>;
  /** Frees the key, if `holder` has it. */
  release(key: AnswerKey, holder: string): Promise<void>;
  /** Removes answers whose time was over before `now`; returns how many. */
  prune(now: number, limit: number): Promise<number>;
}
