/**
 * Who asked for jobs and got fewer than there was room for: will likely ask for what comes next. A guess by which a submit goes
 * the way that is quicker for it; nothing else hangs on it.
 */
import type { JobRecord } from "@windlass/kernel";
import type { ClaimRequest } from "@windlass/ports";
import { askedQueues } from "@windlass/sql";

/** Sessions; of more than this the oldest is forgotten, and what it waits for goes the other way. */
const SESSIONS_MAX = 1_000;

type Waiting = Pick<ClaimRequest, "executor" | "queues" | "queueName">;

export class WaitingClaims {
  readonly #sessions = new Map<string, Waiting>();

  /** What a claim came to: whether everything that it had room for was there. */
  claimed({ session, executor, queues, queueName, limit, ahead = 0 }: ClaimRequest, count: number): void {
    const key = `${session} ${executor}`;
    this.#sessions.delete(key);
    if (count >= limit + ahead) return;
    this.#sessions.set(key, { executor, queues, queueName });
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > SESSIONS_MAX && oldest !== undefined) this.#sessions.delete(oldest);
  }

  closed(session: string): void {
    for (const key of [...this.#sessions.keys()]) if (key.startsWith(`${session} `)) this.#sessions.delete(key);
  }

  /** Whether somebody waits for a job like this one. */
  isAwaited({ executor, queue, notBefore }: Pick<JobRecord, "executor" | "queue" | "notBefore">): boolean {
    if (notBefore !== null) return false;
    for (const one of this.#sessions.values())
      if (one.executor === executor && (one.queues ?? askedQueues([queue], one)).includes(queue)) return true;
    return false;
  }
}
