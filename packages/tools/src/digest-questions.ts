/** Asks registries for digests with measure: a batch of a thousand jobs of one image is one question, not a thousand connections. */
import type { Clock } from "@windlass/ports";
import type { ImageName } from "./image-name.ts";

/** Registries count questions, and some refuse whoever asks much at once. */
export const QUESTIONS_AT_ONCE_MAX = 8;
/** A registry that is slower than this, the wait for a turn included, is gone on without, where that may be. */
const ANSWER_MS_MAX = 5_000;

type Ask = (name: ImageName, signal: AbortSignal) => Promise<string>;

/** The same question with its turn awaited, and with its answer shared by all who ask it meanwhile. */
export function digestQuestions(ask: Ask, clock: Pick<Clock, "after">): (name: ImageName) => Promise<string> {
  const open = new Map<string, Promise<string>>();
  const turns = turnsOf(QUESTIONS_AT_ONCE_MAX);
  const asked = async (name: ImageName): Promise<string> => {
    const limit = new AbortController();
    const cancel = clock.after(ANSWER_MS_MAX, () => limit.abort(new Error(`no answer within ${ANSWER_MS_MAX / 1000} s`)));
    try {
      await turns.take(limit.signal);
      try {
        return await ask(name, limit.signal);
      } finally {
        turns.give();
      }
    } catch (error) {
      throw limit.signal.aborted ? limit.signal.reason : error;
    } finally {
      cancel();
    }
  };
  return (name) => {
    const key = `${name.registry}/${name.repository}:${name.tag}`;
    const known = open.get(key);
    if (known !== undefined) return known;
    const question = asked(name).finally(() => open.delete(key));
    open.set(key, question);
    return question;
  };
}

interface Turns {
  take(signal: AbortSignal): Promise<void>;
  give(): void;
}

/** First come, first served. */
function turnsOf(count: number): Turns {
  let free = count;
  const waiting = new Set<() => void>();
  return {
    async take(signal) {
      if (free > 0) return void free--;
      await new Promise<void>((resolve, reject) => {
        const go = (): void => {
          signal.removeEventListener("abort", leave);
          resolve();
        };
        const leave = (): void => {
          waiting.delete(go);
          reject(signal.reason as Error);
        };
        waiting.add(go);
        signal.addEventListener("abort", leave, { once: true });
      });
    },
    give() {
      const [next] = waiting;
      if (next === undefined) return void free++;
      waiting.delete(next);
      next();
    },
  };
}
