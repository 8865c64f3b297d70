/**
 * Submits that are made at the same time go together: what is asked for in one turn, or while earlier requests are under
 * way, becomes one request (`jobs.submitMany`), and costs a fraction of what it would alone. Which of those that wait go
 * together is decided here; how they are sent and answered, in send-together.ts.
 *
 * G1. A lone submit goes at once, as a request of its own; no clock holds anything back.
 * G2. No request has more than SUBMIT_MANY_MAX jobs or GATHERED_LENGTH_MAX characters, or jobs of two traces.
 * G3. A submit that ended while it waited is not sent.
 * G4. Many that are made at once go as two requests: the server decides about the one while it stores the other. As one they would be
 *     answered at once, and callers that submit again then would be one request again, so that client and server took turns for ever.
 */
import { GATHERED_LENGTH_MAX, SUBMIT_MANY_MAX } from "@windlass/contract/routes";
import type { Request, Target } from "./send-request.ts";
import { isGatherable, isWanted, sendTogether, type Submitting } from "./send-together.ts";

/** Sends one try of a submit, alone or with others. */
export type SendSubmit = (attempt: Request) => Promise<unknown>;

/**
 * Requests at once. With one, a slow answer would hold up all that comes meanwhile; more would only be smaller, for the
 * server stores one after the other.
 */
const UNDER_WAY_MAX = 2;
/** Fewer go as one request: two would cost more than is gained by them. */
const SPLIT_MIN = 8;

export function gatherSubmits(asked: Target): SendSubmit {
  // Which span is active is found out when a submit is made: when it is sent, it may be that of another.
  const target: Target = { ...asked, tracing: undefined };
  let waiting: Submitting[] = [];
  let underWay = 0;
  let isPlanned = false;

  const send = (): void => {
    isPlanned = false;
    const wanted = waiting.filter(isWanted);
    const together = firstOf(wanted, shareOf(wanted.length, UNDER_WAY_MAX - underWay));
    waiting = wanted.slice(together.length);
    if (together.length === 0) return;
    underWay++;
    void sendTogether(target, together).then(freed);
    plan();
  };
  const freed = (): void => {
    underWay--;
    plan();
  };
  const plan = (): void => {
    if (isPlanned || waiting.length === 0 || underWay >= UNDER_WAY_MAX) return;
    isPlanned = true;
    // After all that is submitted in this turn.
    queueMicrotask(send);
  };
  return (attempt) =>
    new Promise((resolve, reject) => {
      const traceparent = asked.tracing?.active() ?? null;
      // Written down now: once it has called, the caller may change what it gave.
      const text = JSON.stringify({ ...attempt.input });
      waiting.push({ attempt, text, traceparent, resolve, reject });
      plan();
    });
}

/** How many of those that wait the next request may have, when so many more may go (G2, G4). */
function shareOf(waiting: number, requests: number): number {
  return Math.min(SUBMIT_MANY_MAX, waiting < SPLIT_MIN ? waiting : Math.ceil(waiting / requests));
}

/** As many of the first as may go together (G2), at most so many. */
function firstOf(waiting: readonly Submitting[], most: number): readonly Submitting[] {
  const [first] = waiting;
  if (first === undefined || !isGatherable(first)) return waiting.slice(0, 1);
  let length = 0;
  const end = waiting.findIndex((one, index) => {
    length += one.text.length;
    const fits = index < most && length <= GATHERED_LENGTH_MAX && one.traceparent === first.traceparent && isGatherable(one);
    return index > 0 && !fits;
  });
  return end === -1 ? waiting : waiting.slice(0, end);
}
