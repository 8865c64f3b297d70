/**
 * Asks a consumer of NATS for messages (https://github.com/nats-io/nats-architecture-and-design, ADR-13): what is there at once, or
 * the first that comes within a time. The library has no such request: its own wait for a whole batch, or read ahead.
 */
import { WindlassError } from "@windlass/kernel";
import type { Clock } from "@windlass/ports";
import { createInbox, nanos, type Msg, type NatsConnection, type Subscription } from "@nats-io/transport-node";
import { headersIn } from "./headers.ts";

export interface PullRequest {
  readonly stream: string;
  readonly consumer: string;
  readonly max: number;
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Puller {
  pull(request: PullRequest): Promise<readonly Msg[]>;
  /** All that wait come back without anything: the server has forgotten their requests. */
  interrupt(): void;
}

/** Beyond the time that the server keeps, for its answer to come. */
const ANSWER_MS_MAX = 5_000;
const NO_RESPONDERS = 503;
const CONFLICT = 409;
/** Nothing, or nothing more. */
const ENDS = [404, 408];

export function puller(connection: NatsConnection, clock: Clock): Puller {
  const waiting = new Set<Subscription>();
  return {
    async pull({ stream, consumer, max, waitMs, signal }) {
      const inbox = createInbox();
      const answers = connection.subscribe(inbox);
      const end = (): void => answers.unsubscribe();
      const cancel = clock.after(waitMs + ANSWER_MS_MAX, end);
      signal?.addEventListener("abort", end);
      waiting.add(answers);
      try {
        // `no_wait` with a time: all that is there; or, where there is nothing, the first that comes.
        const wanted = { batch: max, no_wait: true, ...(waitMs > 0 ? { expires: nanos(waitMs) } : {}) };
        connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, JSON.stringify(wanted), { reply: inbox });
        const messages: Msg[] = [];
        for await (const answer of answers) {
          const code = headersIn(() => answer.headers)?.code ?? 0;
          if (code === 0) messages.push(answer);
          if (messages.length === max || ENDS.includes(code)) break;
          // What came before is handed out; who asks again hears it again.
          if (code === NO_RESPONDERS || code === CONFLICT) {
            if (messages.length > 0) break;
            throw new WindlassError("unavailable", `NATS does not hand out messages of ${stream}: ${answer.headers?.description ?? code}`);
          }
        }
        return messages;
      } finally {
        cancel();
        signal?.removeEventListener("abort", end);
        waiting.delete(answers);
        answers.unsubscribe();
      }
    },
    interrupt() {
      for (const answers of waiting) answers.unsubscribe();
    },
  };
}

/** What the address of an acknowledgement says of a message (ADR-15): with and without a domain. */
export function deliveryOf(reply: string): { readonly times: number; readonly seq: number; readonly at: number } {
  const parts = reply.split(".");
  const [times = "1", seq = "0", , nanoseconds = "0"] = parts.slice(parts.length === 9 ? 4 : 6);
  return { times: Number(times), seq: Number(seq), at: Math.floor(Number(nanoseconds) / 1e6) };
}
