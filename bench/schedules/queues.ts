/**
 * What the queue between those who decide and those who start takes and hands out: the drivers of Windlass, a plain client of the same
 * broker beside each (its ceiling), and the store alone, where there is no queue. What counts the broker has confirmed: that a notice
 * is stored, and that it is done with.
 */
import { openNatsNotices } from "@windlass/nats";
import type { Notices, OutgoingNotice } from "@windlass/ports";
import { openSqsNotices } from "@windlass/sqs";
import { realClock, seededRandom } from "@windlass/testkit/fakes";
import { batches } from "../contenders/contender.ts";
import { open, openOnPostgres, type OpenWindlass } from "../contenders/windlass-embedded.ts";
import { natsMissing, startNats, startSqs, type RunningBroker } from "../servers/brokers.ts";
import { hasPostgres, POSTGRES_MISSING } from "../servers/postgres.ts";
import { drain } from "../workloads/drain.ts";
import { enqueueMany } from "../workloads/enqueue.ts";
import { plainNats, plainSqs, SQS_CREDENTIALS, sqsQueue, type PlainQueue } from "./plain-queues.ts";

export interface QueueEntrant {
  readonly name: string;
  missing(): string | null;
  /** With so many notices, on a broker of its own. */
  measure(count: number): Promise<QueueFigures>;
}

export interface QueueFigures {
  /** A second. */
  readonly sent: number;
  /** Received and acknowledged, a second. */
  readonly taken: number;
}

/** What the relay sends at once. */
const SENT_AT_ONCE = 500;
/** What a receiver takes at once. */
const TAKEN_AT_ONCE = 10;
/** Nothing here takes as long as it is hidden. */
const LIMITS = { visibilityMs: 300_000, attemptsMax: 10 } as const;
const NAME = "bench";
const WAIT_MS = 5_000;
/** Handlers at once, where the store is the queue. */
const CONCURRENCY = 10;

const nats = { missing: natsMissing, start: startNats } as const;
const sqs = { missing: (): null => null, start: startSqs } as const;

export const QUEUES: readonly QueueEntrant[] = [
  onBroker("windlass nats", nats, async ({ url }) =>
    ours(await openNatsNotices({ url, name: NAME, clock: realClock, random: seededRandom(1), ...LIMITS })),
  ),
  onBroker("ceiling nats, plain client", nats, ({ url }) => plainNats(url, NAME)),
  onBroker("windlass sqs emulator", sqs, async ({ url }) =>
    ours(await openSqsNotices({ url: await sqsQueue(url, NAME), credentials: SQS_CREDENTIALS, clock: realClock, ...LIMITS })),
  ),
  onBroker("ceiling sqs emulator, plain client", sqs, ({ url }) => plainSqs(url, NAME)),
  onStore(
    "windlass sqlite, no broker",
    () => null,
    () => open({}),
  ),
  onStore("windlass postgres, no broker", () => (hasPostgres() ? null : POSTGRES_MISSING), openOnPostgres),
];

/** As long as a real one with its signature. */
function notice(i: number): OutgoingNotice {
  const id = `job_01k${String(i).padStart(23, "0")}`;
  const at = "2026-01-31T09:00:00.000Z";
  const told = { workflow_id: "nightly-report", trigger_type: "schedule", execution_id: id, nominal_time: at, sent_at: at };
  const body = JSON.stringify({ version: 1, type: "execution", schedule_id: "nightly", ...told });
  const signature = `v1,key_0123456789ab,1769850000,${"a".repeat(43)}=`;
  return { id, body, attributes: { trigger_type: "schedule", workflow_id: "nightly-report", signature } };
}

function ours(queue: Notices): PlainQueue {
  return {
    async send(notices) {
      const refused = (await queue.send(notices)).find(({ fault }) => fault !== null);
      if (refused !== undefined) throw new Error(`a notice was not sent: ${refused.fault?.message}`);
    },
    async take(count) {
      for (let taken = 0; taken < count;) {
        const some = await queue.receive({ max: TAKEN_AT_ONCE, waitMs: WAIT_MS });
        if (some.length === 0) throw new Error(`of ${count} notices ${taken} came`);
        await queue.acknowledge(some);
        taken += some.length;
      }
    },
    close: () => queue.close(),
  };
}

function onBroker(
  name: string,
  { missing, start }: { readonly missing: () => string | null; readonly start: () => Promise<RunningBroker> },
  opened: (broker: RunningBroker) => Promise<PlainQueue>,
): QueueEntrant {
  return {
    name,
    missing,
    async measure(count) {
      const broker = await start();
      const queue = await opened(broker);
      try {
        const portions = [...batches(count, SENT_AT_ONCE).entries()];
        const sent = await perSecond(count, async () => {
          for (const [at, size] of portions) await queue.send(Array.from({ length: size }, (_, i) => notice(at * SENT_AT_ONCE + i)));
        });
        return { sent, taken: await perSecond(count, () => queue.take(count)) };
      } finally {
        await queue.close();
        await broker.stop();
      }
    },
  };
}

/** There the notice is the job itself: stored, claimed, and its end stored. */
function onStore(name: string, missing: () => string | null, opened: () => Promise<OpenWindlass>): QueueEntrant {
  return {
    name,
    missing,
    async measure(count) {
      const queue = await opened();
      try {
        return { sent: await enqueueMany(queue, { count }), taken: await drain(queue, { count, concurrency: CONCURRENCY }) };
      } finally {
        await queue.close();
      }
    },
  };
}

async function perSecond(count: number, work: () => Promise<void>): Promise<number> {
  const from = performance.now();
  await work();
  return count / ((performance.now() - from) / 1_000);
}
