/**
 * Claims jobs of some queues under one session, and looks after what the session holds. Who carries the jobs out (handlers
 * in this process, or a worker at the other end of a connection) is a `Carrier`; the rules are the same for both.
 *
 * C1. No more is claimed than the carrier has room for: slots, and what it reads ahead of them (kernel, D6).
 * C2. What was claimed when the session was lost or the carrier had gone is given back: nothing of it has begun.
 * C3. What the session holds and the carrier does not know of (the reply to a claim, or the message with the job, was
 *     lost) is given back.
 * C4. What was read ahead and the carrier does not come to is given back: another worker may be idle.
 */
import { seconds, type ExecutorName, type LiveJob, type StopOrder } from "@windlass/kernel";
import type { Claimed, ClaimedJob } from "@windlass/ports";
import type { EngineContext } from "./context.ts";
import { every } from "./every.ts";
import { loop, type Loop } from "./service.ts";
import type { OpenSession } from "./session.ts";

export interface Room {
  /** Jobs that it has slots for. */
  readonly limit: number;
  /** Jobs that it reads ahead besides. */
  readonly ahead: number;
}

export interface Carrier {
  /** How many jobs it can take now. */
  room(): Room;
  /** What it read ahead and does not come to; it has let go of them. */
  surplus(): readonly LiveJob[];
  /** Takes over what was claimed for it; what it cannot take any more it returns. */
  take(jobs: readonly ClaimedJob[]): readonly ClaimedJob[];
  /** How many jobs it holds. */
  holding(): number;
  /** Of what the session holds, what it does not know of. */
  unknown(held: readonly LiveJob[]): Promise<readonly LiveJob[]> | readonly LiveJob[];
  /** One of its jobs is to stop; false when that has not begun, and the carrier has let go of it. Called again as long as it has not stopped. */
  stop(live: LiveJob, stop: StopOrder): boolean;
}

export interface ClaimOptions {
  /** `handler` when left out. */
  readonly executor?: ExecutorName;
  /** Null: all of them. */
  readonly queues: readonly string[] | null;
  readonly session: Pick<OpenSession, "id" | "lost"> & Partial<Pick<OpenSession, "ensure">>;
  readonly carrier: Carrier;
}

/** Claims are woken by the bus; this is for wake-ups that were lost. */
const REST_MS = 1_000;
/** How often what the session holds is compared with what its carrier knows. */
const COMPARE_MS: number = seconds(5);
/** Jobs that one comparison gives back at most. */
const UNKNOWN_MAX = 100;

export interface ClaimLoop extends Loop {
  /** Compares what the session holds with what the carrier knows at once: something may have been lost. */
  compare(): void;
}

export function claimLoop(context: EngineContext, options: ClaimOptions): ClaimLoop {
  const { session, carrier, executor = "handler" } = options;
  const queues = options.queues === null ? null : [...options.queues];
  const topics = new Set(queues?.map((queue) => `${executor}/${queue}`));
  const isMeant = queues === null ? (key: string) => key.startsWith(`${executor}/`) : (key: string) => topics.has(key);
  const lookForStops = every(context, REST_MS);
  const timeToCompare = every(context, COMPARE_MS);
  let [stopsSuspected, lossSuspected] = [false, false];
  let heldUntil: number | null = null;
  const claims = loop({
    name: `claims of ${queues?.join(", ") ?? executor}`,
    clock: context.clock,
    random: context.random,
    logger: context.logger,
    restMs: () => restUntil(context, heldUntil),
    subscribe: (wake) => {
      const onReady = (key: string): void => void (isMeant(key) && wake());
      const ready = context.bus.subscribe("ready", onReady);
      context.awaiting.add(onReady);
      const stopping = context.bus.subscribe("stopping", (key) => {
        if (key !== session.id) return;
        stopsSuspected = true;
        wake();
      });
      return () => {
        ready();
        context.awaiting.delete(onReady);
        stopping();
      };
    },
    pass: async () => {
      // A time that has passed would let a carrier without room spin.
      heldUntil = null;
      await session.ensure?.();
      if (stopsSuspected || lookForStops()) {
        stopsSuspected = false;
        await tellStops(context, options);
      }
      if (timeToCompare() || lossSuspected) {
        lossSuspected = false;
        await giveBackUnknown(context, options);
      }
      const surplus = carrier.surplus();
      if (surplus.length > 0) await giveBack(context, surplus);
      const { limit, ahead } = carrier.room();
      if (limit + ahead <= 0) return false;
      const claimed = await claimFor(context, options, { limit, ahead });
      const { jobs, signals } = claimed;
      heldUntil = claimed.heldUntil;
      if (jobs.length === 0) return false;
      context.announce(signals);
      const left = session.lost ? jobs : carrier.take(jobs);
      if (left.length > 0) {
        await giveBack(
          context,
          left.map((job) => job.live),
        );
        return false;
      }
      return jobs.length === limit + ahead;
    },
  });
  return {
    ...claims,
    compare() {
      lossSuspected = true;
      claims.wake();
    },
  };
}

function claimFor(context: EngineContext, { executor = "handler", queues, session }: ClaimOptions, room: Room): Promise<Claimed> {
  return context.store.jobs.claim({ executor, queues: queues ?? undefined, session: session.id, place: null, ...room, now: context.now() });
}

/** How long to rest between claims: until a rate lets the next attempt start, where one holds jobs back. */
export function restUntil(context: EngineContext, heldUntil: number | null): number {
  return heldUntil === null ? REST_MS : Math.min(REST_MS, Math.max(0, heldUntil - context.now()));
}

/** Tells whose jobs are to stop. Looks at the store: the wake-up alone says nothing. */
async function tellStops(context: EngineContext, { session, carrier }: ClaimOptions): Promise<void> {
  const holding = carrier.holding();
  if (holding === 0) return;
  const stopping = await context.store.jobs.live({ session: session.id, states: ["stopping"] }, holding);
  await giveBack(
    context,
    stopping.filter((live) => live.stop !== null && !carrier.stop(live, live.stop)),
  );
}

/**
 * Runs between claims, never beside one, so whatever is held and not known was claimed by a call whose reply was lost (C3).
 * When the session was lost meanwhile, what it held was abandoned, not unknown: its handlers had begun, so that attempt
 * counts, and only the reconciler may end it.
 */
async function giveBackUnknown(context: EngineContext, { session, carrier }: ClaimOptions): Promise<void> {
  const held = await context.store.jobs.live({ session: session.id }, carrier.holding() + UNKNOWN_MAX);
  if (session.lost) return;
  const unknown = await carrier.unknown(held);
  if (session.lost) return;
  await giveBack(context, unknown);
}

/** Gives back what has not begun. */
export async function giveBack(context: EngineContext, unbegun: readonly LiveJob[]): Promise<void> {
  await context.commit(
    unbegun.map((live) =>
      live.state === "stopping"
        ? {
            type: "lose",
            id: live.id,
            token: live.token,
            reason: "worker_lost",
            message: "its worker never learned that it held it",
            random: context.random.next(),
          }
        : { type: "release", id: live.id, token: live.token },
    ),
  );
}
