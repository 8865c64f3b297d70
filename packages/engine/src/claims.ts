/**
 * Claims jobs of some queues under one session, and looks after what the session holds. Who carries the jobs out (handlers
 * in this process, or a worker at the other end of a connection) is a `Carrier`; the rules are the same for both.
 *
 * C1. No more is claimed than the carrier has room for: slots, and what it reads ahead of them (kernel, D7).
 * C2. What was claimed when the session was lost or the carrier had gone is given back: nothing of it has begun.
 * C3. What the session holds and the carrier does not know of (the reply to a claim, or the message with the job, was
 *     lost, or it could not be given back) is given back: looked into now and then, and in the next pass when one has failed.
 * C4. What was read ahead and the carrier does not come to is given back: another worker may be idle.
 * C5. What was read ahead of a queue that is paused or limited now is given back as soon as that is heard of, and what a claim brings that was
 *     under way then with it: it would start behind the pause, or beside what the limit lets run. What was said while nobody
 *     listened, nobody says again: who goes on with a session looks first, and so does whoever hears that something was missed.
 */
import { isUnhindered, queueState, seconds, type ExecutorName, type LiveJob, type StopOrder } from "@windlass/kernel";
import type { Claimed, ClaimedJob } from "@windlass/ports";
import type { EngineContext } from "./context.ts";
import { every } from "./every.ts";
import { loop, type Loop } from "./service.ts";
import type { OpenSession, ReportedSession } from "./session.ts";

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
  /** Lets go of what it read ahead of this queue (its key): it is surplus, or is given back where it is. */
  recall(queue: string): void;
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
  readonly session: Pick<OpenSession, "id" | "lost"> & Partial<Pick<OpenSession, "ensure"> & Pick<ReportedSession, "resumed">>;
  readonly carrier: Carrier;
}

/** What one claim takes at most beside the free slots: a transaction stays a matter of milliseconds. */
const AHEAD_PART_MAX = 500;
/** Claims are woken by the bus; this is for wake-ups that were lost. */
const REST_MS = 1_000;
/** How often what the session holds is compared with what its carrier knows. */
const COMPARE_MS: number = seconds(5);
/** Jobs that one comparison gives back at least, if there are so many; another follows at once. */
const UNKNOWN_MAX = 500;
/** Jobs that are given back with one commit. */
const GIVEN_BACK_MAX = 500;

export interface ClaimLoop extends Loop {
  /** Compares what the session holds with what the carrier knows at once: something may have been lost. */
  compare(): void;
}

/** What may be the case, and is looked into in the next pass. */
interface Suspected {
  stops: boolean;
  /** That a reply or a message was lost. */
  loss: boolean;
  /** That something is ready. */
  jobs: boolean;
  /** That more can be read ahead than one part takes: the last first part was filled. */
  plenty: boolean;
  /** That a queue was held while nobody listened for it. */
  holds: boolean;
  /** That a claim has brought something of these queues, from before they were held. */
  readonly held: Set<string>;
}

export function claimLoop(context: EngineContext, options: ClaimOptions): ClaimLoop {
  const { session, carrier, executor = "handler" } = options;
  const queues = options.queues === null ? null : [...options.queues];
  const topics = new Set(queues?.map((queue) => `${executor}/${queue}`));
  const isMeant = queues === null ? (key: string) => key.startsWith(`${executor}/`) : (key: string) => topics.has(key);
  const lookForStops = every(context, REST_MS);
  const lookForJobs = every(context, REST_MS);
  const timeToCompare = every(context, COMPARE_MS);
  const isResumed = session.resumed === true;
  const suspected: Suspected = { stops: false, loss: false, jobs: true, plenty: true, holds: isResumed, held: new Set() };
  let heldUntil: number | null = null;
  const pass = async (): Promise<boolean> => {
    // A time that has passed would let a carrier without room spin.
    heldUntil = null;
    await session.ensure?.();
    if (suspected.stops || lookForStops()) {
      suspected.stops = false;
      await tellStops(context, options);
    }
    if (timeToCompare() || suspected.loss) {
      suspected.loss = false;
      if (await giveBackUnknown(context, options)) suspected.loss = true;
    }
    if (suspected.holds) {
      suspected.holds = false;
      const held = await heldOf(context, queues).catch((error: unknown) => {
        suspected.holds = true;
        throw error;
      });
      for (const queue of held) suspected.held.add(queue);
    }
    for (const queue of suspected.held) carrier.recall(queue);
    suspected.held.clear();
    const surplus = carrier.surplus();
    if (surplus.length > 0) await giveBack(context, surplus);
    const room = carrier.room();
    // An end makes room, and nothing more: what it sets free of a key comes as a wake-up.
    if (room.limit + room.ahead <= 0 || !(lookForJobs() || suspected.jobs)) return suspected.loss;
    const taken = await claimAndHandOver(context, options, { room, suspected });
    heldUntil = taken.heldUntil;
    return taken.more || suspected.loss;
  };
  const claims = loop({
    name: `claims of ${queues?.join(", ") ?? executor}`,
    clock: context.clock,
    random: context.random,
    logger: context.logger,
    pace: context.pace,
    restMs: () => restUntil(context, heldUntil),
    subscribe: (wake) => listen(context, { isMeant, options, suspected, wake }),
    pass: async () => {
      try {
        return await pass();
      } catch (error) {
        // A claim may have been carried out all the same, and what was to be given back is known to nobody (C3).
        suspected.loss = true;
        throw error;
      }
    },
  });
  return {
    ...claims,
    compare() {
      suspected.loss = true;
      claims.wake();
    },
  };
}

interface Listening {
  readonly isMeant: (key: string) => boolean;
  readonly options: ClaimOptions;
  readonly suspected: Suspected;
  readonly wake: () => void;
}

function listen(context: EngineContext, { isMeant, options: { session, carrier }, suspected, wake }: Listening): () => void {
  const onReady = (key: string): boolean => {
    if (!isMeant(key)) return false;
    suspected.jobs = true;
    wake();
    return true;
  };
  // Where calls are in no order, who claims now finds the submit only by sharing its commit, and nobody shares one while something is left.
  const onSubmit = (key: string): boolean => (context.store.inOrder || !suspected.jobs) && onReady(key);
  context.awaiting.add(onSubmit);
  const ready = context.bus.subscribe("ready", onReady);
  const held = context.bus.subscribe("held", (key) => {
    if (key === "") suspected.holds = true;
    else if (isMeant(key)) {
      const queue = key.slice(key.indexOf("/") + 1);
      carrier.recall(queue);
      suspected.held.add(queue);
    } else return;
    wake();
  });
  const stopping = context.bus.subscribe("stopping", (key) => {
    if (key !== session.id) return;
    suspected.stops = true;
    wake();
  });
  return () => {
    ready();
    context.awaiting.delete(onSubmit);
    held();
    stopping();
  };
}

/** Those of these queues, or of all, that hold something back now: what was read ahead of them may be from before that. */
async function heldOf({ store }: EngineContext, queues: readonly string[] | null): Promise<readonly string[]> {
  const stored = queues === null ? await store.queues.list() : await Promise.all(queues.map((queue) => store.queues.get(queue)));
  return stored.flatMap((queue) => (queue === null || isUnhindered(queueState(queue)) ? [] : [queue.name]));
}

/** Gives the carrier what was claimed; true when there is likely more. */
async function handOver(
  context: EngineContext,
  { session, carrier }: ClaimOptions,
  { claimed: { jobs, signals }, room }: { readonly claimed: Claimed; readonly room: Room },
): Promise<boolean> {
  context.announce(signals);
  const left = session.lost ? jobs : carrier.take(jobs);
  if (left.length === 0) return jobs.length === room.limit + room.ahead;
  await giveBack(
    context,
    left.map((job) => job.live),
  );
  return false;
}

/** Claims what there is room for, and gives it to the carrier part by part, in order. All parts are over when this is (C3). */
async function claimAndHandOver(
  context: EngineContext,
  options: ClaimOptions,
  { room, suspected }: { readonly room: Room; readonly suspected: Suspected },
): Promise<{ readonly heldUntil: number | null; readonly more: boolean }> {
  suspected.jobs = false;
  let last: Pick<Claimed, "nothingLeft" | "heldUntil"> = { nothingLeft: false, heldUntil: null };
  let more = false;
  const failures: unknown[] = [];
  const parts = partsOf(room, suspected.plenty).map((part) => ({ part, claiming: claimFor(context, options, part) }));
  // The failure of one is met when its turn has come.
  for (const { claiming } of parts) claiming.catch(() => {});
  suspected.plenty = false;
  for (const [i, { part, claiming }] of parts.entries()) {
    try {
      const claimed = await claiming;
      last = claimed;
      if (i === 0) suspected.plenty = claimed.jobs.length === part.limit + part.ahead;
      more = claimed.jobs.length > 0 && (await handOver(context, options, { claimed, room: part }));
    } catch (error) {
      failures.push(error);
    }
  }
  // What was heard meanwhile counts for the next pass.
  suspected.jobs ||= failures.length > 0 || !last.nothingLeft;
  if (failures.length > 0) throw failures[0];
  return { heldUntil: last.heldUntil, more };
}

/**
 * The store carries one part out while the jobs of another begin. Where the first part was not filled the next pass asks for the rest:
 * what may not be read ahead would be looked at for each part.
 */
function partsOf({ limit, ahead }: Room, isPlenty: boolean): readonly Room[] {
  const parts: Room[] = [{ limit, ahead: Math.min(ahead, AHEAD_PART_MAX) }];
  if (isPlenty)
    for (let left = ahead - AHEAD_PART_MAX; left > 0; left -= AHEAD_PART_MAX)
      parts.push({ limit: 0, ahead: Math.min(left, AHEAD_PART_MAX) });
  return parts;
}

function claimFor(context: EngineContext, { executor = "handler", queues, session }: ClaimOptions, room: Room): Promise<Claimed> {
  return context.store.jobs.claim({
    executor,
    queues: queues ?? undefined,
    session: session.id,
    place: null,
    ...room,
    now: context.now(),
  });
}

/** How long to rest between claims: until a rate lets the next attempt start, where one holds jobs back. */
export function restUntil(context: EngineContext, heldUntil: number | null): number {
  const restMs = context.pace.rest(REST_MS);
  return heldUntil === null ? restMs : Math.min(restMs, Math.max(0, heldUntil - context.now()));
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
 * counts, and only the reconciler may end it. True when there may be more of it.
 */
async function giveBackUnknown(context: EngineContext, { session, carrier }: ClaimOptions): Promise<boolean> {
  const max = carrier.holding() + UNKNOWN_MAX;
  const held = await context.store.jobs.live({ session: session.id }, max);
  if (session.lost) return false;
  const unknown = await carrier.unknown(held);
  if (session.lost) return false;
  await giveBack(context, unknown);
  return held.length === max && unknown.length > 0;
}

/** Gives back what has not begun, a part at a time: others have their turn. */
export async function giveBack(context: EngineContext, unbegun: readonly LiveJob[]): Promise<void> {
  for (let from = 0; from < unbegun.length; from += GIVEN_BACK_MAX) await giveBackPart(context, unbegun.slice(from, from + GIVEN_BACK_MAX));
}

async function giveBackPart(context: EngineContext, unbegun: readonly LiveJob[]): Promise<void> {
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
